package schedule_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/schedule"
)

func unreachable(p probes.Path) probes.Result {
	return round(p, probes.Connect, probes.Failed, probes.ReasonConnectTimeout)
}

func TestVantage(t *testing.T) {
	unresolved := func(p probes.Path) probes.Result {
		return round(p, probes.Resolve, probes.Failed, probes.ReasonNXDomain)
	}
	notAllowed := func(p probes.Path) probes.Result {
		return round(p, probes.Connect, probes.Inconclusive, probes.ReasonAddressRefused)
	}
	type answers map[string]func(probes.Path) probes.Result
	for name, c := range map[string]struct {
		newest answers
		want   bool
	}{
		"nothing seen":             {nil, false},
		"two hosts":                {answers{"a": unreachable, "b": unreachable}, false},
		"three hosts":              {answers{"a": unreachable, "b": unreachable, "c": unreachable}, true},
		"one connects":             {answers{"a": unreachable, "b": unreachable, "c": unreachable, "d": bad}, false},
		"unresolved is not tried":  {answers{"a": unreachable, "b": unreachable, "c": unresolved}, false},
		"not allowed is not tried": {answers{"a": unreachable, "b": unreachable, "c": notAllowed}, false},
	} {
		v := schedule.NewVantage()
		for hop, answer := range c.newest {
			var seen schedule.ConnectState
			v.Observe(&seen, good(path(hop, 0))) // an older round with another result
			v.Observe(&seen, answer(path(hop, 0)))
		}
		if got := v.Blocked(); got != c.want {
			t.Errorf("%s: blocked %v", name, got)
		}
	}
}

// TestNoVerdictBeforeVantage: while no path can connect, no path fails, however short the intervals.
func TestNoVerdictBeforeVantage(t *testing.T) {
	for _, interval := range []time.Duration{2 * time.Second, 6 * time.Second, 15 * time.Second, 5 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(unreachable)
			var paths []probes.Path
			for i := range 3 {
				paths = append(paths, path(fmt.Sprint("host-", i), interval))
			}
			_, stop := w.run(paths...)
			time.Sleep(10 * time.Minute)
			stop()
			failed := func(s string) bool { return strings.HasSuffix(s, " failed") }
			if seen := w.taken(); slices.ContainsFunc(seen, failed) || len(seen) < 3 {
				t.Errorf("interval %s: %v", interval, seen[:min(len(seen), 40)])
			}
		})
	}
}

func TestVantageJudgesACopyAndForgetsRemovedPaths(t *testing.T) {
	v := schedule.NewVantage()
	var seen [3]schedule.ConnectState
	for i, hop := range []string{"a", "b", "c"} {
		v.Observe(&seen[i], unreachable(path(hop, 0)))
	}
	given := unreachable(path("a", 0))
	want := round(path("a", 0), probes.Connect, probes.Inconclusive, probes.ReasonVantageBlocked)
	if diff := cmp.Diff(want, v.Judge(given), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(unreachable(path("a", 0)), given, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Error("the given round was changed:", diff)
	}
	if got := v.Judge(bad(path("a", 0))).Outcome(); got != probes.Failed {
		t.Errorf("a failure after connect became %s", got)
	}
	v.Forget(&seen[2])
	if v.Blocked() {
		t.Error("still blocked with two hosts")
	}
}

func TestRunnerAppliesTheVantage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(unreachable)
		var paths []probes.Path
		for i := range 5 {
			paths = append(paths, path(fmt.Sprint("h", i), time.Minute))
		}
		r, stop := w.run(paths...)
		defer stop()
		time.Sleep(11 * time.Second)
		if !r.Stats().VantageBlocked {
			t.Error("not blocked")
		}
		time.Sleep(time.Minute)
		for _, line := range w.taken() {
			if line[2:] == " failed" {
				t.Errorf("%q while no path connects", line)
			}
		}
		w.mu.Lock()
		w.script = []func(probes.Path) probes.Result{good}
		w.mu.Unlock()
		time.Sleep(time.Minute)
		if r.Stats().VantageBlocked {
			t.Error("still blocked")
		}
	})
}
