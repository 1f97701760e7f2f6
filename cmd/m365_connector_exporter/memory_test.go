package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes/schedule"
)

func TestGCPercent(t *testing.T) {
	for name, c := range map[string]struct {
		paths, waiting int
		garbage, live  uint64 // MB
		want           int
	}{
		"few paths: as the runtime does":        {999, 999, 64, 8, 100},
		"what some hundred probes make":         {1000, 199, 16, 8, 200},
		"as much, beside more":                  {5000, 0, 16, 40, 40},
		"a seventh of very much":                {50000, 0, 16, 400, 15},
		"before the first collection":           {1000, 0, 16, 0, 400},
		"just after the start of many":          {10000, 0, 16, 2, 400},
		"where both are the same, the seventh":  {20000, 0, 16, 107, 15},
		"what hundreds of probes a second make": {5000, 0, 64, 40, 160},
		"many wait":                             {1000, 200, 64, 8, 15},
	} {
		if got := gcPercent(c.paths, c.waiting, c.garbage<<20, c.live<<20); got != c.want {
			t.Errorf("%s: %d %%, want %d", name, got, c.want)
		}
	}
}

// TestLitter: what lies is as much as is made in two seconds, by the mean of about ten, between 16 and 64 MB.
func TestLitter(t *testing.T) {
	var l litter
	var made uint64
	for _, step := range []struct {
		name          string
		ticks, second uint64        // so many ticks, so many MB a second
		tick          time.Duration // how long each takes
		want          uint64        // MB
	}{
		{"nothing", 5, 0, time.Second, 16},
		{"a judgement", 1, 70, time.Second, 16},
		{"little", 30, 4, time.Second, 16},
		{"a machine that stood still", 1, 4, 5 * time.Second, 16},
		{"and for long", 1, 7, time.Minute, 16},
		{"no time at all", 1, 0, 0, 16},
		{"busy", 60, 20, time.Second, 39},
		{"busy, and slow", 12, 20, 5 * time.Second, 39},
		{"very busy", 60, 500, time.Second, 64},
		{"over", 60, 1, time.Second, 16},
	} {
		var garbage uint64
		for range step.ticks {
			made += step.second << 20 * uint64(step.tick/time.Second)
			garbage = l.after(step.tick, made)
		}
		if got := garbage >> 20; got != step.want {
			t.Errorf("%s: %d MB, want %d", step.name, got, step.want)
		}
	}
}

// TestReloadEndsHurry: after a reload, and after one that is refused, garbage is collected as the number of paths wants it.
func TestReloadEndsHurry(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	much := make([]byte, 256<<20) // in use, so that a seventh is what many paths get
	runtime.GC()
	d := configured(t, manyHosts(1000))
	for _, tc := range []struct {
		name, text string
		refused    bool
		want       int
	}{
		{"started", manyHosts(1000), false, leastPercent},
		{"few", manyHosts(10), false, 100},
		{"many", manyHosts(5000), false, leastPercent},
		{"refused", "tenants: 1", true, leastPercent},
	} {
		if err := os.WriteFile(d.file, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.reload(t.Context(), "test"); (err != nil) != tc.refused {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if got := debug.SetGCPercent(tc.want); got != tc.want {
			t.Errorf("%s: garbage may be %d %% of what is in use, want %d", tc.name, got, tc.want)
		}
	}
	runtime.KeepAlive(much)
}

// TestKeepLean: that many probes wait or make much garbage is seen within a second, and so is that they have gone. Otherwise nothing is
// tuned but twice a minute, and where there are few paths nothing at all.
func TestKeepLean(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	runtime.GC() // what another test had in use would count
	const untouched = mostPercent + 1
	tuned := func(percent int) string {
		switch {
		case percent == untouched:
			return "not at all"
		case percent > leastPercent:
			return "for few"
		}
		return "for many"
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		d := configured(t, manyHosts(somePaths))
		go func() { _ = d.keepLean(ctx) }()
		debug.SetGCPercent(untouched)
		inside := crowd{gate: d.gate}
		for _, step := range []struct {
			name    string
			paths   int
			waiting int
			lasts   time.Duration
			want    string
			makes   int // bytes
		}{
			{"nobody waits", somePaths, 0, time.Second, "not at all", 0},
			{"one less than many", somePaths, manyWaiting - 1, time.Second, "not at all", 0},
			{"many", somePaths, manyWaiting, time.Second, "for many", 0},
			{"more", somePaths, manyWaiting + 50, time.Second, "not at all", 0},
			{"so many have gone that few wait", somePaths, manyWaiting - 1, time.Second, "for few", 0},
			{"all have gone", somePaths, 0, time.Second, "not at all", 0},
			{"just before half a minute is over", somePaths, 0, releaseEvery - 7*time.Second, "not at all", 0},
			{"half a minute is over", somePaths, 0, time.Second, "for few", 0},
			{"a second more", somePaths, 0, time.Second, "not at all", 0},
			{"much garbage is made", somePaths, 0, time.Second, "for few", 300 << 20},
			{"many, of few paths", somePaths - 1, manyWaiting, 2 * releaseEvery, "not at all", 300 << 20},
		} {
			d.runner.SetPaths(plan(d.cfg.Load(), d.hello)[:step.paths])
			inside.become(t, step.waiting)
			runtime.KeepAlive(make([]byte, step.makes))
			time.Sleep(step.lasts)
			synctest.Wait()
			if got := tuned(debug.SetGCPercent(untouched)); got != step.want {
				t.Errorf("%s: tuned %s, want %s", step.name, got, step.want)
			}
			if more := d.garbage.Load() > leastGarbage; more != (step.makes > 0) {
				t.Errorf("%s: %d bytes may lie", step.name, d.garbage.Load())
			}
		}
	})
}

// crowd are the probes that wait for servers, each for another.
type crowd struct {
	gate  *schedule.Limiter
	leave []func(throttled bool)
}

// become lets probes in or out until so many wait.
func (c *crowd) become(t *testing.T, size int) {
	t.Helper()
	for len(c.leave) > size {
		last := len(c.leave) - 1
		c.leave[last](false)
		c.leave = c.leave[:last]
	}
	for i := len(c.leave); i < size; i++ {
		leave, err := c.gate.Acquire(t.Context(), "many", netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
		if err != nil {
			t.Fatal(err)
		}
		c.leave = append(c.leave, leave)
	}
}

func manyHosts(n int) string {
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("h%d.example", i)
	}
	return fmt.Sprintf("tenants: [{name: many, outbound_connectors: [{name: all, connector_type: OnPremises, smart_hosts: [%s]}]}]", strings.Join(hosts, ", "))
}
