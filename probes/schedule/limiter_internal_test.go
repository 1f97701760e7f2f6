package schedule

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes"
)

func TestLimiterForgetsIdleAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewLimiter(LimiterOptions{MinGap: time.Second})
		for i := range 250 {
			release, err := g.Acquire(t.Context(), "contoso", netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
			if err != nil {
				t.Fatal(err)
			}
			release(i == 0)
		}
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{2 * time.Minute, 2}, {2 * time.Hour, 1}} { // the newest one, and the one with a back-off
			time.Sleep(c.after)
			release, err := g.Acquire(t.Context(), "contoso", netip.AddrFrom4([4]byte{203, 0, 113, 1}))
			if err != nil {
				t.Fatal(err)
			}
			if got := len(g.addresses); got != c.want {
				t.Errorf("after %s: %d addresses, want %d", c.after, got, c.want)
			}
			release(false)
		}
	})
}

func TestRunnerForgetsPathsThatAreNotConfigured(t *testing.T) {
	r := New(Options{Prober: immediate})
	r.SetPaths(nil)
	p := pathNamed("a")
	if _, err := r.RunNow(t.Context(), p.ID, p); err != nil || len(r.entries) != 0 {
		t.Errorf("%v, %d entries", err, len(r.entries))
	}
}

// TestRunnerKeepsTheNewestPaths: after a reload without changes no path may refer to the old configuration, which would
// stay in memory as a whole.
func TestRunnerKeepsTheNewestPaths(t *testing.T) {
	r := New(Options{Prober: immediate})
	for range 2 {
		paths := []probes.Path{pathNamed("a")}
		r.SetPaths(paths)
		if r.entries[paths[0].ID].path != &paths[0] {
			t.Error("not the path of the newest configuration")
		}
	}
}
