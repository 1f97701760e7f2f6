package schedule

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes"
)

var immediate = probes.ProberFunc(func(_ context.Context, p *probes.Path) *probes.Result {
	return &probes.Result{Path: p.ID}
})

func pathNamed(name string) probes.Path {
	id := probes.PathID{Tenant: "t", Path: name}
	return probes.Path{ID: id, NextHop: name, Settings: probes.Settings{Interval: time.Minute}}
}

func tenThousand() []probes.Path {
	paths := make([]probes.Path, 10_000)
	for i := range paths {
		paths[i] = pathNamed(fmt.Sprint(i))
	}
	return paths
}

// BenchmarkRunner10kPaths measures one interval of 10,000 paths.
func BenchmarkRunner10kPaths(b *testing.B) {
	r := New(Options{Prober: immediate})
	r.SetPaths(tenThousand())
	now := time.Now().Add(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		r.startDue(now)
		r.probing.Wait()
		now = now.Add(time.Minute)
	}
}

func TestPathNeedsNoGoroutineBetweenRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{Prober: immediate})
		r.SetPaths(tenThousand())
		ctx, cancel := context.WithTimeout(t.Context(), 61*time.Second)
		defer cancel()
		r.Run(ctx)
		if s := r.Stats(); !s.FirstRoundComplete || s.Skipped != 0 || s.InFlight != 0 || len(r.due) != 10_000 {
			t.Errorf("%+v, %d due", s, len(r.due))
		}
	})
}
