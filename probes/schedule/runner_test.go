package schedule_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func path(name string, interval time.Duration) probes.Path {
	return probes.Path{
		ID: probes.PathID{Tenant: "contoso", Direction: "outbound", Connector: "c", Path: name}, NextHop: name,
		Settings: probes.Settings{Interval: interval, Timeout: 10 * time.Second, Until: probes.TLSStage},
	}
}

// round returns a result that passed the stages before one and ended there with an outcome and a reason.
func round(p probes.Path, stage probes.Stage, outcome probes.Outcome, reason probes.Reason) probes.Result {
	e := probes.Endpoint{Host: p.NextHop}
	for s := range stage {
		e.Steps[s].Outcome = probes.Passed
	}
	if stage < probes.NumStages {
		e.Steps[stage] = probes.Step{Outcome: outcome, Reason: reason, Detail: "detail"}
	}
	return probes.Result{Path: p.ID, Until: p.Settings.Until, Endpoints: []probes.Endpoint{e}}
}

func good(p probes.Path) probes.Result { return round(p, p.Settings.Until+1, 0, "") }
func bad(p probes.Path) probes.Result {
	return round(p, probes.EHLO, probes.Failed, probes.ReasonNotSMTP)
}

func unsure(p probes.Path) probes.Result {
	return round(p, probes.EHLO, probes.Inconclusive, probes.ReasonThrottled)
}

// partly returns a result of two endpoints: one passed, the other was inconclusive.
func partly(p probes.Path) probes.Result {
	r := good(p)
	r.Endpoints = append(r.Endpoints, unsure(p).Endpoints...)
	return r
}

// world is a prober that takes some time and answers from a script, and a sink that records what it receives.
type world struct {
	mu      sync.Mutex
	took    time.Duration
	script  []func(probes.Path) probes.Result // one per probe; the last one is repeated
	starts  []time.Duration
	begun   time.Time
	running map[probes.PathID]int
	overlap bool
	seen    []string // "<seconds>s name outcome[?]"
}

func newWorld(script ...func(probes.Path) probes.Result) *world {
	return &world{script: script, begun: time.Now(), running: map[probes.PathID]int{}}
}

func (w *world) Probe(ctx context.Context, p *probes.Path) *probes.Result {
	w.mu.Lock()
	w.running[p.ID]++
	w.overlap = w.overlap || w.running[p.ID] > 1
	w.starts = append(w.starts, time.Since(w.begun))
	answer := w.script[0]
	if len(w.script) > 1 {
		w.script = w.script[1:]
	}
	took := w.took
	w.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
	}
	w.mu.Lock()
	w.running[p.ID]--
	w.mu.Unlock()
	return new(answer(*p))
}

func (w *world) sink(r probes.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	mark := ""
	if r.Provisional {
		mark = "?"
	}
	w.seen = append(w.seen, fmt.Sprintf("%s %s%s", r.Path.Path, r.Outcome(), mark))
}

func (w *world) taken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

func (w *world) probed() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.starts)
}

func (w *world) overlapped() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.overlap
}

// run starts a runner with the world as prober and sink. The returned function stops it and waits for its end.
func (w *world) run(paths ...probes.Path) (*schedule.Runner, func()) {
	r := schedule.New(schedule.Options{Prober: w, Sink: w.sink})
	r.SetPaths(paths)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	return r, func() { cancel(); <-done }
}

func TestVerdicts(t *testing.T) {
	type script []func(probes.Path) probes.Result
	message := func(p probes.Path) probes.Result {
		return round(p, probes.Message, probes.Failed, probes.ReasonMessageRejected)
	}
	for name, c := range map[string]struct {
		script script
		want   []string // within two minutes at an interval of one
	}{
		"passes":        {script{good}, []string{"a passed", "a passed"}},
		"confirmed":     {script{bad}, []string{"a failed?", "a failed", "a failed", "a failed"}},
		"not confirmed": {script{bad, good}, []string{"a failed?", "a passed", "a passed"}},
		"confirmation inconclusive": {
			script{bad, unsure, bad},
			[]string{"a failed?", "a inconclusive", "a failed?", "a failed"},
		},
		"inconclusive changes nothing": {
			script{bad, bad, unsure, bad},
			[]string{"a failed?", "a failed", "a inconclusive", "a failed"},
		},
		"a message refused at once": {script{message, good}, []string{"a failed", "a passed"}},
		"passes again, then fails": {
			script{bad, bad, good, bad},
			[]string{"a failed?", "a failed", "a passed", "a failed?"},
		},
		"passes beside an inconclusive endpoint, then fails": {
			script{bad, bad, partly, bad},
			[]string{"a failed?", "a failed", "a inconclusive", "a failed?"},
		},
		"inconclusive": {script{unsure}, []string{"a inconclusive", "a inconclusive"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(c.script...)
				p := path("a", time.Minute)
				p.Settings.Until = probes.Message
				_, stop := w.run(p)
				time.Sleep(2*time.Minute + 15*time.Second)
				stop()
				want := c.want
				if got := w.taken(); !cmp.Equal(got[:len(want)], want) {
					t.Errorf("got %q, want %q first", got, want)
				}
			})
		})
	}
}

func TestConfirmationComesAfterHalfTheIntervalOrThirtySeconds(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		20 * time.Second: 10 * time.Second, time.Minute: 30 * time.Second, time.Hour: 30 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(bad)
			_, stop := w.run(path("a", interval))
			time.Sleep(50 * time.Second)
			stop()
			if got := w.starts[1] - w.starts[0]; got != want {
				t.Errorf("interval %s: confirmed after %s, want %s", interval, got, want)
			}
		})
	}
}

func TestFirstRoundsAreSpreadInTheSameWayEachTime(t *testing.T) {
	starts := func() (all []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(good)
			var paths []probes.Path
			for i := range 100 {
				paths = append(paths, path(fmt.Sprint("host-", i), time.Hour))
			}
			r, stop := w.run(paths...)
			time.Sleep(5 * time.Second)
			if r.Stats().FirstRoundComplete {
				t.Error("first round complete after half the splay")
			}
			time.Sleep(6 * time.Second)
			if !r.Stats().FirstRoundComplete {
				t.Error("first round not complete after the splay")
			}
			stop()
			all = w.starts
		})
		return all
	}
	first := starts()
	if !cmp.Equal(first, starts()) {
		t.Error("two runs start differently")
	}
	half := 0
	for _, s := range first {
		if s >= 10*time.Second {
			t.Errorf("a first round at %s, want within 10s", s)
		}
		if s < 5*time.Second {
			half++
		}
	}
	if len(first) != 100 || half < 30 || half > 70 {
		t.Errorf("%d starts, %d of them in the first half", len(first), half)
	}
}

// TestManyPathsAreSpreadOverTheInterval: first rounds come soon, so that the pages fill, and later ones evenly.
func TestManyPathsAreSpreadOverTheInterval(t *testing.T) {
	const n, interval = 6000, 2 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		starts := map[probes.PathID][]time.Duration{}
		begun := time.Now()
		r := schedule.New(schedule.Options{
			Prober: probes.ProberFunc(func(_ context.Context, p *probes.Path) *probes.Result { return new(good(*p)) }),
			Sink: func(r probes.Result) {
				mu.Lock()
				defer mu.Unlock()
				starts[r.Path] = append(starts[r.Path], time.Since(begun))
			},
		})
		paths := make([]probes.Path, n)
		for i := range paths {
			paths[i] = path(fmt.Sprint("host-", i), interval)
		}
		r.SetPaths(paths)
		ctx, cancel := context.WithTimeout(t.Context(), 4*interval)
		defer cancel()
		r.Run(ctx)
		var perMinute [8]int
		for id, at := range starts {
			for i, start := range at {
				perMinute[start/time.Minute]++
				if i > 0 && start-at[i-1] > interval {
					t.Fatalf("%s: %s after the round before", id.Path, start-at[i-1])
				}
			}
			if at[0] > time.Minute || at[2]-at[1] != interval || at[3]-at[2] != interval {
				t.Fatalf("%s: rounds at %s", id.Path, at)
			}
		}
		for minute, rounds := range perMinute[1:] {
			if rounds < n/2*9/10 || rounds > n/2*11/10 {
				t.Errorf("%d rounds in minute %d, want about %d", rounds, minute+2, n/2)
			}
		}
	})
}

func TestOverrunSkipsRoundsAndKeepsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(good)
		w.took = 25 * time.Second
		r, stop := w.run(path("a", 10*time.Second))
		time.Sleep(10*time.Second + 65*time.Second)
		stop()
		for i, s := range w.starts {
			if want := w.starts[0] + time.Duration(i)*30*time.Second; s != want {
				t.Errorf("round %d at %s, want %s", i, s, want)
			}
		}
		if len(w.starts) != 3 || w.overlap {
			t.Errorf("%d rounds, overlap %v", len(w.starts), w.overlap)
		}
		want := uint64(4) // at 10, 20, 40 and 50 s after the first start
		if w.starts[0] <= 5*time.Second {
			want++ // at 70 s
		}
		if got := r.Stats().Skipped; got != want {
			t.Errorf("skipped %d, want %d", got, want)
		}
	})
}

func TestSlowPathDelaysNoOtherPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(good)
		slow := schedule.New(schedule.Options{
			Sink: w.sink,
			Prober: probes.ProberFunc(func(ctx context.Context, p *probes.Path) *probes.Result {
				if p.ID.Path == "slow" {
					<-ctx.Done()
				}
				return new(good(*p))
			}),
		})
		slow.SetPaths([]probes.Path{path("slow", time.Minute), path("fast", time.Minute)})
		ctx, cancel := context.WithTimeout(t.Context(), 130*time.Second)
		defer cancel()
		slow.Run(ctx)
		if got := w.taken(); len(got) < 2 || slices.Contains(got, "slow passed") {
			t.Errorf("got %q", got)
		}
	})
}
