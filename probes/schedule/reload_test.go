package schedule_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/schedule"
)

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(bad)
		kept, gone := path("kept", time.Minute), path("gone", time.Minute)
		r, stop := w.run(kept, gone)
		time.Sleep(50 * time.Second) // both are confirmed
		before := len(w.taken())
		off := path("off", time.Minute)
		off.NotProbed = "connector is disabled"
		r.SetPaths([]probes.Path{kept, path("new", time.Minute), off})
		time.Sleep(50 * time.Second)
		stop()
		got := w.taken()
		slices.Sort(got[:before])
		slices.Sort(got[before:])
		want := []string{
			"gone failed", "gone failed?", "kept failed", "kept failed?",
			"kept failed", "new failed", "new failed?",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReloadInterruptsRemovedPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(bad)
		w.took = time.Hour
		r, stop := w.run(path("a", time.Hour))
		defer stop()
		time.Sleep(11 * time.Second)
		if got := r.Stats().InFlight; got != 1 {
			t.Fatalf("in flight %d", got)
		}
		r.SetPaths(nil)
		synctest.Wait()
		if got := r.Stats().InFlight; got != 0 || len(w.taken()) != 0 {
			t.Errorf("in flight %d, delivered %q", got, w.taken())
		}
	})
}

func TestStopInterruptsAndDeliversNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(bad)
		w.took = time.Hour
		r, stop := w.run(path("a", time.Hour))
		time.Sleep(11 * time.Second)
		stop()
		if got := r.Stats().InFlight; got != 0 || len(w.taken()) != 0 {
			t.Errorf("in flight %d, delivered %q", got, w.taken())
		}
		p := path("a", 1)
		if _, err := r.RunNow(t.Context(), p.ID, p); !errors.Is(err, schedule.ErrStopped) {
			t.Errorf("RunNow after the end: %v", err)
		}
	})
}

func TestProberThatFailsIsAnInternalError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := path("a", time.Minute)
		for name, prober := range map[string]probes.ProberFunc{
			"a panic": func(context.Context, *probes.Path) *probes.Result { panic("a bug") },
			"a stage that does not exist": func(context.Context, *probes.Path) *probes.Result {
				return &probes.Result{Until: probes.NumStages}
			},
		} {
			got, err := schedule.New(schedule.Options{Prober: prober}).RunNow(t.Context(), p.ID, p)
			if _, step, _ := got.Endpoints[0].FirstProblem(); err != nil || step.Reason != probes.ReasonInternalError {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	})
}

// TestRunningRoundDoesNotKeepOldPaths: a round may wait at the limiter while the paths are replaced many times.
func TestRunningRoundDoesNotKeepOldPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(good)
		w.took = time.Hour
		paths := []probes.Path{path("tarpit", time.Minute), path("idle", 24*time.Hour)}
		old := weak.Make(&paths[1])
		r, stop := w.run(paths...)
		defer stop()
		time.Sleep(time.Minute)
		r.SetPaths([]probes.Path{path("tarpit", time.Minute), path("idle", 24*time.Hour)})
		runtime.GC()
		if r.Stats().InFlight == 0 {
			t.Error("no probe is running")
		}
		if old.Value() != nil {
			t.Error("the old paths are still in memory")
		}
	})
}
