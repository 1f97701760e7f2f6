package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestGCPercent(t *testing.T) {
	for name, c := range map[string]struct {
		paths, waiting int
		live           uint64 // bytes
		want           int
	}{
		"few paths: as the runtime does":       {999, 999, 8 << 20, 100},
		"what some hundred probes make":        {1000, 199, 8 << 20, 200},
		"as much, beside more":                 {5000, 0, 40 << 20, 40},
		"a seventh of very much":               {50000, 0, 400 << 20, 15},
		"before the first collection":          {1000, 0, 0, 400},
		"just after the start of many":         {10000, 0, 2 << 20, 400},
		"where both are the same, the seventh": {20000, 0, 107 << 20, 15},
		"many wait":                            {1000, 200, 8 << 20, 15},
	} {
		if got := gcPercent(c.paths, c.waiting, c.live); got != c.want {
			t.Errorf("%s: %d %%, want %d", name, got, c.want)
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
		if err := d.reload("test"); (err != nil) != tc.refused {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if got := debug.SetGCPercent(tc.want); got != tc.want {
			t.Errorf("%s: garbage may be %d %% of what is in use, want %d", tc.name, got, tc.want)
		}
	}
	runtime.KeepAlive(much)
}

func manyHosts(n int) string {
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("h%d.example", i)
	}
	return fmt.Sprintf("tenants: [{name: many, outbound_connectors: [{name: all, connector_type: OnPremises, smart_hosts: [%s]}]}]", strings.Join(hosts, ", "))
}
