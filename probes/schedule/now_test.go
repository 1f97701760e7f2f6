package schedule_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/schedule"
)

func TestRunNowReturnsARecentResultAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(good)
		p := path("a", time.Hour)
		p.NotProbed = "connector is disabled"
		r, stop := w.run(p)
		defer stop()
		other := p
		other.Settings.Port = 2525
		farther := p
		farther.Settings.Until = probes.Recipient
		nearer := p
		nearer.Settings.Until = probes.EHLO
		for _, c := range []struct {
			name  string
			after time.Duration
			path  probes.Path
			want  int // probes so far
		}{
			{"first", 0, p, 1},
			{"recent", 9 * time.Second, p, 1},
			{"up to an earlier stage", 0, nearer, 1},
			{"old", time.Second, p, 2},
			{"another port", 0, other, 3},
			{"up to a later stage", 0, farther, 4},
			{"up to the first stage again", 0, p, 4},
		} {
			time.Sleep(c.after)
			got, err := r.RunNow(t.Context(), c.path.ID, c.path)
			if err != nil || got.Outcome() != probes.Passed || len(w.probed()) != c.want {
				t.Errorf("%s: %s, %v after %d probes, want %d", c.name, got.Outcome(), err, len(w.probed()), c.want)
			}
			if got.Until != c.path.Settings.Until {
				t.Errorf("%s: until %s, want %s", c.name, got.Until, c.path.Settings.Until)
			}
		}
		if len(w.taken()) != 0 {
			t.Errorf("the sink received %q", w.taken())
		}
	})
}

// TestOldResultsAreFreed: the runner keeps a result only while it may answer further calls. The store keeps it anyway.
func TestOldResultsAreFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held []weak.Pointer[probes.Endpoint]
		probe := func(_ context.Context, p *probes.Path) *probes.Result {
			r := good(*p)
			held = append(held, weak.Make(&r.Endpoints[0]))
			return &r
		}
		r := schedule.New(schedule.Options{Prober: probes.ProberFunc(probe)})
		p := path("a", time.Hour)
		alive := func() bool {
			synctest.Wait() // for a timer that is due now
			runtime.GC()
			return held[len(held)-1].Value() != nil
		}
		changed := p
		changed.Settings.Port = 2525
		for _, c := range []struct {
			name  string
			after func()
			want  bool
		}{
			{"recent", func() { time.Sleep(9 * time.Second) }, true},
			{"old", func() { time.Sleep(10 * time.Second) }, false},
			{"its path has changed", func() { r.SetPaths([]probes.Path{changed}) }, false},
			{"its path is removed", func() { r.SetPaths(nil) }, false},
		} {
			r.SetPaths([]probes.Path{p})
			if _, err := r.RunNow(t.Context(), p.ID, p); err != nil {
				t.Fatal(err)
			}
			c.after()
			if got := alive(); got != c.want {
				t.Errorf("%s: held %v, want %v", c.name, got, c.want)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestRunNowJoinsTheScheduledRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(bad)
		w.took = 20 * time.Second
		p := path("a", time.Hour)
		r, stop := w.run(p)
		defer stop()
		time.Sleep(11 * time.Second)
		for range 3 {
			got, err := r.RunNow(t.Context(), p.ID, p)
			if err != nil || !got.Provisional || len(w.probed()) != 1 {
				t.Errorf("provisional %v, %v, %d probes", got.Provisional, err, len(w.probed()))
			}
		}
	})
}

func TestScheduledRoundWaitsForRunNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(good)
		w.took = 15 * time.Second
		p := path("a", time.Hour)
		r, stop := w.run(p)
		defer stop()
		if _, err := r.RunNow(t.Context(), p.ID, p); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if w.overlapped() || len(w.probed()) != 2 || w.probed()[1] != 15*time.Second {
			t.Errorf("overlap %v, starts %v", w.overlapped(), w.probed())
		}
	})
}

func TestRunNowStartsAgainWhenTheCallerItJoinedGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(good)
		w.took = 10 * time.Second
		r := schedule.New(schedule.Options{Prober: w})
		p := path("a", time.Hour)
		var group sync.WaitGroup
		short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		group.Go(func() { _, _ = r.RunNow(short, p.ID, p) })
		synctest.Wait()
		got, err := r.RunNow(t.Context(), p.ID, p)
		took := time.Since(w.begun)
		if err != nil || got.Outcome() != probes.Passed || took != 13*time.Second || len(w.probed()) != 2 {
			t.Errorf("%s, %v after %s and %d probes", got.Outcome(), err, took, len(w.probed()))
		}
		group.Wait()
	})
}

func TestRunNowBoundsTheNumberOfPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(good)
		w.took = 10 * time.Second
		r := schedule.New(schedule.Options{Prober: w, MaxOnDemand: 2})
		var group sync.WaitGroup
		for _, name := range []string{"a", "b"} {
			p := path(name, time.Hour)
			group.Go(func() { _, _ = r.RunNow(t.Context(), p.ID, p) })
		}
		synctest.Wait()
		third := path("c", time.Hour)
		if _, err := r.RunNow(t.Context(), third.ID, third); !errors.Is(err, schedule.ErrBusy) {
			t.Errorf("a third path: %v, want %v", err, schedule.ErrBusy)
		}
		group.Wait()
		if _, err := r.RunNow(t.Context(), third.ID, third); err != nil {
			t.Errorf("a third path, after the first two: %v", err)
		}
	})
}

// TestRunNowCountsTheCallersOfOneProbeOnce: 260 callers that wait for one tarpit leave room for every other path.
func TestRunNowCountsTheCallersOfOneProbeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(good)
		w.took = 30 * time.Second
		r := schedule.New(schedule.Options{Prober: w})
		tarpit := path("tarpit", time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var group sync.WaitGroup
		for i := range 260 {
			ctx := ctx
			if i == 0 {
				ctx = t.Context() // the caller whose probe the others join
			}
			group.Go(func() {
				_, err := r.RunNow(ctx, tarpit.ID, tarpit)
				if i > 0 && !errors.Is(err, context.DeadlineExceeded) || i == 0 && err != nil {
					t.Errorf("caller %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		other := path("other", time.Hour)
		if got, err := r.RunNow(t.Context(), other.ID, other); err != nil || got.Outcome() != probes.Passed {
			t.Errorf("another path: %s, %v", got.Outcome(), err)
		}
		group.Wait()
		if got := len(w.probed()); got != 2 {
			t.Errorf("%d probes, want 2", got)
		}
	})
}
