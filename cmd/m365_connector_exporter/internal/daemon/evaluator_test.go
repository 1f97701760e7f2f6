package daemon

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes"
)

// TestEvaluatorRuns holds that a round is evaluated within ten seconds, and that one evaluation a minute suffices
// while none ends.
func TestEvaluatorRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := still(t)
		start := time.Now()
		go d.evaluator.run(ctx)
		var evaluated []time.Duration
		before := d.store.Snapshot().Report
		for range 100 {
			time.Sleep(time.Second)
			synctest.Wait()
			if now := d.store.Snapshot().Report; now != before {
				before = now
				evaluated = append(evaluated, time.Since(start))
			}
			if time.Since(start) == 15*time.Second {
				d.store.Record(probes.Result{Path: d.store.Snapshot().Paths[0].Path.ID})
			}
		}
		cancel()
		synctest.Wait()
		if want := []time.Duration{20 * time.Second, 80 * time.Second}; !slices.Equal(evaluated, want) {
			t.Errorf("evaluated after %v, want %v", evaluated, want)
		}
	})
}
