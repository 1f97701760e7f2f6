package dane_test

import (
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dane"
)

func TestParseMode(t *testing.T) {
	for value, want := range map[string]dane.Mode{
		"": dane.Opportunistic, "Opportunistic": dane.Opportunistic, "mandatory": dane.Mandatory, "None": dane.Off,
	} {
		if got, ok := dane.ParseMode(value); got != want || !ok {
			t.Errorf("ParseMode(%q) = %q, %v; want %q", value, got, ok, want)
		}
	}
	if got, ok := dane.ParseMode("Sometimes"); ok {
		t.Errorf("ParseMode(Sometimes) = %q, want nothing", got)
	}
}

func TestPredict(t *testing.T) {
	server := func(status probes.DANEStatus) dane.Server { return dane.Server{Status: status, TLS: true} }
	match, mismatch, none := server(probes.DANEMatch), server(probes.DANEMismatch), server(probes.DANENone)
	unusable, bogus, insecure := server(probes.DANEUnusable), server(probes.DANEBogus), server(probes.DANEInsecure)
	clearText, unusableClearText := dane.Server{Status: probes.DANEMatch}, dane.Server{Status: probes.DANEUnusable}
	expired := dane.Server{Status: probes.DANEMismatch, TLS: true, Expired: true}
	queue := func(code string, reason dane.Reason) dane.Prediction {
		return dane.Prediction{dane.Queue, code, reason}
	}
	deliver := func(reason dane.Reason) dane.Prediction { return dane.Prediction{dane.Deliver, "", reason} }
	ignored := func(reason dane.Reason) dane.Prediction { return dane.Prediction{dane.NotApplicable, "", reason} }
	const opportunistic, mandatory = dane.Opportunistic, dane.Mandatory
	for name, row := range map[string]struct {
		mode    dane.Mode
		servers []dane.Server
		want    dane.Prediction
	}{
		"nothing probed":             {mandatory, nil, dane.Prediction{}},
		"mode None, nothing probed":  {dane.Off, nil, ignored(dane.ReasonOff)},
		"mode None":                  {dane.Off, list(mismatch), ignored(dane.ReasonOff)},
		"no DANE":                    {opportunistic, list(none, insecure), ignored(dane.ReasonNoDANE)},
		"no DANE, mandatory":         {mandatory, list(none, insecure), queue("", dane.ReasonNoDANE)},
		"match":                      {opportunistic, list(match), deliver(dane.ReasonMatch)},
		"match, mandatory":           {mandatory, list(match), deliver(dane.ReasonMatch)},
		"second matches":             {mandatory, list(mismatch, match), deliver(dane.ReasonMatch)},
		"second has no records":      {opportunistic, list(mismatch, none), deliver(dane.ReasonWithoutRecord)},
		"that is no way out":         {mandatory, list(none, mismatch), queue("5.7.323", dane.ReasonMismatch)},
		"none matches":               {opportunistic, list(mismatch, mismatch), queue("5.7.323", dane.ReasonMismatch)},
		"expired below an authority": {opportunistic, list(expired), queue("5.7.322", dane.ReasonMismatch)},
		"no STARTTLS":                {opportunistic, list(clearText), queue("5.7.321", dane.ReasonSTARTTLS)},
		"bogus":                      {opportunistic, list(bogus), queue("5.7.324", dane.ReasonBogus)},
		"unusable records":           {opportunistic, list(unusable), deliver(dane.ReasonUnusable)},
		"unusable records, no TLS":   {opportunistic, list(unusableClearText), queue("5.7.321", dane.ReasonSTARTTLS)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := dane.Predict(row.mode, row.servers); got != row.want {
				t.Errorf("Predict = %+v, want %+v", got, row.want)
			}
		})
	}
}
