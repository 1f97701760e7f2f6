package collector_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

// TestHistoryIsKeptWhole: a line of a history comes out as it went in, whatever its reason is.
func TestHistoryIsKeptWhole(t *testing.T) {
	want := []collector.Round{{At: noon, Outcome: probes.Passed}}
	for i, r := range probes.Reasons {
		want = append(want, collector.Round{At: noon.Add(time.Duration(i) * time.Nanosecond), Outcome: r.Outcome, Stage: probes.Stage(i) % probes.NumStages, Reason: r.Reason})
	}
	if diff := cmp.Diff(want, collector.RoundsOf(want...).Lines()); diff != "" {
		t.Error(diff)
	}
	if n := len(probes.Reasons); n > math.MaxUint8 {
		t.Errorf("%d reasons have no room in a byte", n)
	}
}
