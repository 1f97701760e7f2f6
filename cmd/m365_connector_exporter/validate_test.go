package main

import (
	"testing"

	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

func TestExitCode(t *testing.T) {
	passed, failed, unknown := probes.Passed, probes.Failed, probes.Inconclusive
	for _, tt := range []struct {
		outcomes []probes.Outcome
		untried  bool
		want     int
	}{
		{[]probes.Outcome{passed, passed}, false, exitOK},
		{[]probes.Outcome{passed, passed}, true, exitInconclusive},
		{[]probes.Outcome{passed, unknown}, false, exitInconclusive},
		{[]probes.Outcome{unknown, failed}, false, exitFailed},
		{[]probes.Outcome{failed, passed}, true, exitFailed},
	} {
		var items []text.Item
		for _, o := range tt.outcomes {
			ep := probes.Endpoint{}
			ep.Steps[probes.Resolve] = probes.Step{Outcome: o}
			items = append(items, text.Item{Result: probes.Result{Until: probes.Resolve, Endpoints: []probes.Endpoint{ep}}})
		}
		if got := validationStatus(items, tt.untried); got != tt.want {
			t.Errorf("%v, untried %v: %d, want %d", tt.outcomes, tt.untried, got, tt.want)
		}
	}
}
