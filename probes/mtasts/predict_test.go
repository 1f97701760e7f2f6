package mtasts_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes/mtasts"
)

func TestPredict(t *testing.T) {
	enforce := func(mx ...string) mtasts.State {
		return mtasts.State{Mode: mtasts.Enforce, Policy: &mtasts.Policy{Mode: mtasts.Enforce, MX: mx}}
	}
	const a, b = "a.example", "b.example"
	valid := func(host string) mtasts.Server { return mtasts.Server{Host: host, TLS: mtasts.TLSPresent} }
	expired := mtasts.Server{Host: a, TLS: mtasts.TLSPresent, Problem: "expired"}
	clear := mtasts.Server{Host: a, TLS: mtasts.TLSMissing}
	unknown := mtasts.Server{Host: a}
	for name, row := range map[string]struct {
		mode    mtasts.ConnectorMode
		policy  mtasts.State
		servers []mtasts.Server
		want    string // outcome, code, reason
	}{
		"the connector applies none": {mtasts.Off, enforce(b), []mtasts.Server{valid(a)}, "not_applicable  mode_none"},
		"no policy":                  {"", mtasts.State{Mode: mtasts.Absent}, nil, "not_applicable  no_policy"},
		"a policy that is not one":   {"", mtasts.State{Mode: mtasts.Invalid}, nil, "not_applicable  no_policy"},
		"testing":                    {"", mtasts.State{Mode: mtasts.Testing}, nil, "not_applicable  not_enforce"},
		"mode none":                  {"", mtasts.State{Mode: mtasts.None}, nil, "not_applicable  not_enforce"},
		"not known":                  {"", mtasts.State{}, []mtasts.Server{valid(a)}, "  "},
		"no servers":                 {"", enforce(a), nil, "  "},
		"listed and valid":           {"", enforce(a), []mtasts.Server{valid(a)}, "deliver  match"},
		"by wildcard":                {"", enforce("*.example"), []mtasts.Server{valid(a)}, "deliver  match"},
		"not listed":                 {"", enforce(b), []mtasts.Server{valid(a)}, "queue 5.4.8 mx_not_listed"},
		"one of two listed":          {"", enforce(b), []mtasts.Server{valid(a), valid(b)}, "deliver  match"},
		"expired":                    {"", enforce(a), []mtasts.Server{expired}, "queue 5.7.5 certificate_invalid"},
		"expired, the second valid":  {"", enforce(a, b), []mtasts.Server{expired, valid(b)}, "deliver  match"},
		"no STARTTLS":                {"", enforce(a), []mtasts.Server{clear}, "queue  no_tls"},
		"not listed and expired": {
			"", enforce(a), []mtasts.Server{valid(b), expired}, "queue 5.7.5 certificate_invalid",
		},
		"not reached":                     {"", enforce(a), []mtasts.Server{unknown}, "  "},
		"not reached, but not listed":     {"", enforce(b), []mtasts.Server{unknown}, "queue 5.4.8 mx_not_listed"},
		"not reached, the second expired": {"", enforce(a), []mtasts.Server{unknown, expired}, "  "},
		"not reached, the second valid":   {"", enforce(a, b), []mtasts.Server{unknown, valid(b)}, "deliver  match"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mtasts.Predict(row.mode, &row.policy, row.servers)
			if got := strings.Join([]string{string(p.Outcome), p.Code, string(p.Reason)}, " "); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
			if held := p.Outcome == mtasts.Queue; held != (len(p.Evidence) > 0) || held && len(p.Evidence) != len(row.servers) {
				t.Errorf("evidence %q", p.Evidence)
			}
		})
	}
}

func TestParseConnectorMode(t *testing.T) {
	for value, want := range map[string]mtasts.ConnectorMode{
		"": mtasts.Opportunistic, "opportunistic": mtasts.Opportunistic, "None": mtasts.Off, "Mandatory": "",
	} {
		if got, ok := mtasts.ParseConnectorMode(value); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", value, got, ok, want)
		}
	}
}
