package collector

import (
	"testing"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

// TestTheSameIsNotDrawnAgain: while nothing that is drawn changes, an analysis has the drawing of the one before.
func TestTheSameIsNotDrawnAgain(t *testing.T) {
	facts := func(now time.Time) *check.Facts {
		return &check.Facts{Now: now, Tenants: []mailflow.Tenant{{Name: "contoso"}}}
	}
	b, start := NewStore(time.Now), time.Now()
	b.SetAnalysis(Analyse(facts(start)))
	first := b.analysis
	b.SetAnalysis(Analyse(facts(start.Add(time.Minute))))
	if b.analysis == first || b.analysis.drawn != first.drawn {
		t.Error("drawn again")
	}
	b.CountChange("contoso", "added")
	b.SetAnalysis(Analyse(facts(start.Add(time.Minute))))
	if b.analysis.drawn == first.drawn {
		t.Error("a change was counted, and nothing drawn")
	}
}
