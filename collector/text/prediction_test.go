package text_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

func TestPrediction(t *testing.T) {
	for want, p := range map[string]check.Prediction{
		"MTA-STS: deliver, because a mail server passes": {
			Mechanism: check.MechanismMTASTS, Delivery: check.DeliveryDeliver, Reason: "match",
		},
		"MTA-STS: not applicable, because the connector's mode is None": {
			Mechanism: check.MechanismMTASTS, Delivery: check.DeliveryNotApplicable, Reason: "mode_none",
		},
		"MTA-STS: queue (4.4.8, then 5.4.8), because the policy does not list a\\u001b[31m": {
			Mechanism: check.MechanismMTASTS, Delivery: check.DeliveryQueue, Code: "5.4.8",
			Evidence: []string{"the policy does not list a\x1b[31m"},
		},
		"DANE: queue, because 1; 2; 3; 4": {
			Mechanism: check.MechanismDANE, Delivery: check.DeliveryQueue, Evidence: []string{"1", "2", "3", "4", "5"},
		},
	} {
		if got := text.Prediction(&p); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDeliveries(t *testing.T) {
	held, silent := item(probes.Step{Outcome: probes.Passed}), item(probes.Step{})
	held.Predictions = []check.Prediction{{
		Mechanism: check.MechanismMTASTS, Delivery: check.DeliveryQueue, Evidence: []string{"no TLS"},
		Uncertain: "smart host",
	}}
	var b strings.Builder
	if err := text.Deliveries(&b, []text.Item{held, silent}, text.Options{}); err != nil {
		t.Fatal(err)
	}
	want := `contoso › c › mail.contoso.com (outbound)
  MTA-STS: queue, because no TLS
    UNCERTAIN: smart host
contoso › c › mail.contoso.com (outbound)
  Too little is known: no reachable server decides the outcome, or the policy could not be read.

2 paths: mail is held on 1; too little is known about 1
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if !text.Held(held.Predictions) || text.Held(silent.Predictions) {
		t.Error("Held does not tell a path whose mail is held")
	}
}
