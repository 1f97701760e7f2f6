package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

// TestReloadEndsHurry: after a reload, and after one that is refused, garbage is collected as the number of paths wants it.
func TestReloadEndsHurry(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	d := configured(t, manyHosts(1000))
	for _, tc := range []struct {
		name, text string
		refused    bool
		want       int
	}{
		{"started", manyHosts(1000), false, 50},
		{"few", manyHosts(10), false, 100},
		{"many", manyHosts(5000), false, 15},
		{"refused", "tenants: 1", true, 15},
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
}

func manyHosts(n int) string {
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("h%d.example", i)
	}
	return fmt.Sprintf("tenants: [{name: many, outbound_connectors: [{name: all, connector_type: OnPremises, smart_hosts: [%s]}]}]", strings.Join(hosts, ", "))
}
