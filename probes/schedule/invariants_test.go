package schedule_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes"
)

// TestInvariants reloads at random and probes on request at random while rounds pass, fail and overrun at random. No
// path may be probed twice at a time, no failure may count that was not provisional first, and everything must end.
func TestInvariants(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			var script []func(probes.Path) probes.Result
			for range 5000 {
				script = append(script, []func(probes.Path) probes.Result{good, bad, unsure}[random.IntN(3)])
			}
			w := newWorld(script...)
			r, stop := w.run()
			var group sync.WaitGroup
			for range 200 {
				var paths []probes.Path
				for i := range 20 {
					if random.IntN(5) > 0 {
						paths = append(paths, path(fmt.Sprint(i), time.Duration(10+random.IntN(2))*time.Second))
					}
				}
				r.SetPaths(paths)
				w.mu.Lock()
				w.took = time.Duration(random.IntN(15000)) * time.Millisecond
				w.mu.Unlock()
				for range random.IntN(3) {
					p := path(fmt.Sprint(random.IntN(25)), time.Minute)
					group.Go(func() { _, _ = r.RunNow(t.Context(), p.ID, p) })
				}
				time.Sleep(time.Duration(random.IntN(20000)) * time.Millisecond)
			}
			stop()
			group.Wait()
			if w.overlap || len(w.seen) < 200 || r.Stats().InFlight != 0 {
				t.Errorf("seed %d: overlap %v, %d rounds, %+v", seed, w.overlap, len(w.seen), r.Stats())
			}
			checkVerdicts(t, w.seen)
		})
	}
}

// checkVerdicts reads what the sink received: a failure that counts follows a provisional one, or one that counts, of
// its path. A path that was removed meanwhile starts again.
func checkVerdicts(t *testing.T, lines []string) {
	t.Helper()
	last := map[string]string{}
	for i, line := range lines {
		var name, outcome string
		_, _ = fmt.Sscan(line, &name, &outcome)
		before := last[name]
		if outcome == "failed" && before != "failed" && before != "failed?" {
			t.Errorf("line %d: %s failed after %q", i, name, before)
		}
		if outcome != "inconclusive" || before == "failed?" {
			last[name] = outcome
		}
	}
}
