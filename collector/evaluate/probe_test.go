package evaluate_test

import (
	"testing"

	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

// round is a round of one endpoint that ends at connect with an outcome, for a reason.
func round(o probes.Outcome, reason probes.Reason) probes.Result {
	var e probes.Endpoint
	e.Steps[probes.Resolve].Outcome = probes.Passed
	e.Steps[probes.Connect] = probes.Step{Outcome: o, Reason: reason}
	return probes.Result{Until: probes.Connect, Endpoints: []probes.Endpoint{e}}
}

func TestOnDemand(t *testing.T) {
	passed, failed := round(probes.Passed, ""), round(probes.Failed, probes.ReasonConnectRefused)
	canceled := round(probes.Inconclusive, probes.ReasonCanceled)
	late := canceled // one endpoint passed, the other was interrupted
	late.Endpoints = append(late.Endpoints, passed.Endpoints...)
	for name, c := range map[string]struct {
		result       probes.Result
		last         probes.Outcome
		inconclusive bool
		verdict      probes.Outcome
	}{
		"passed":                 {passed, probes.Failed, false, probes.Passed},
		"failed":                 {failed, probes.Passed, false, probes.Failed},
		"throttled, passed last": {round(probes.Inconclusive, probes.ReasonThrottled), probes.Passed, true, probes.Passed},
		"throttled, no verdict": {
			round(probes.Inconclusive, probes.ReasonThrottled), probes.NotReached, true,
			probes.NotReached,
		},
		"interrupted":        {late, probes.Failed, true, probes.Failed},
		"nothing was probed": {probes.Result{}, probes.Failed, true, probes.Failed},
	} {
		got := evaluate.OnDemand(c.result, c.last)
		if got.Inconclusive != c.inconclusive || got.Verdict != c.verdict {
			t.Errorf("%s: inconclusive %v, verdict %s; want %v, %s", name, got.Inconclusive, got.Verdict,
				c.inconclusive, c.verdict)
		}
	}
}

func TestSummaryOutcome(t *testing.T) {
	passed, failed := round(probes.Passed, ""), round(probes.Failed, probes.ReasonConnectRefused)
	inconclusive := round(probes.Inconclusive, probes.ReasonThrottled)
	for name, c := range map[string]struct {
		rounds []probes.Result
		want   probes.Outcome
	}{
		"none":             {nil, probes.Inconclusive},
		"all passed":       {[]probes.Result{passed, passed}, probes.Passed},
		"one inconclusive": {[]probes.Result{passed, inconclusive}, probes.Inconclusive},
		"one failed":       {[]probes.Result{inconclusive, failed, passed}, probes.Failed},
	} {
		var s evaluate.Summary
		for _, r := range c.rounds {
			s.Add(r)
		}
		if got := s.Outcome(); got != c.want || s.Passed+s.Failed+s.Inconclusive != len(c.rounds) {
			t.Errorf("%s: %s, %+v; want %s", name, got, s, c.want)
		}
	}
}
