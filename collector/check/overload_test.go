package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
)

func TestOverloads(t *testing.T) {
	paths := func(n int, interval, took time.Duration) []Path {
		var all []Path
		for i := range n {
			e := probes.Endpoint{Host: "h", Addr: netip.MustParseAddrPort("192.0.2.1:25")}
			// a slow resolver holds no connection
			e.Steps[probes.Resolve].Duration, e.Steps[probes.TLSStage].Duration = time.Hour, took
			id := probes.PathID{Tenant: fmt.Sprint("t", i)}
			all = append(all, Path{
				Path:       &probes.Path{ID: id, Settings: probes.Settings{Interval: interval}},
				Conclusive: &probes.Result{Path: id, Endpoints: []probes.Endpoint{e}},
			})
		}
		return all
	}
	const total = 1000
	for name, c := range map[string]struct {
		paths  []Path
		limits ScheduleLimits
		want   []string
	}{
		"fits": {paths(50, time.Minute, time.Second), ScheduleLimits{total, 1, time.Second}, nil},
		"too slow": {
			paths(50, time.Minute, 2*time.Second), ScheduleLimits{total, 1, time.Second}, []string{"192.0.2.1"},
		},
		"two at a time": {paths(50, time.Minute, 2*time.Second), ScheduleLimits{total, 2, time.Second}, nil},
		"the gap alone is too much": {
			paths(61, time.Minute, 0), ScheduleLimits{total, 16, time.Second}, []string{"192.0.2.1"},
		},
		"too slow in total": {paths(50, time.Minute, 5*time.Second), ScheduleLimits{4, 16, 0}, []string{""}},
		"never probed":      {[]Path{{Path: &probes.Path{}}}, ScheduleLimits{total, 1, time.Second}, nil},
	} {
		var got []string
		for _, o := range Overloads(c.paths, c.limits) {
			got = append(got, o.Address)
			if len(o.Paths) != maxListed || len(o.Tenants) != len(c.paths) {
				t.Errorf("%s: %d paths, %d tenants", name, len(o.Paths), len(o.Tenants))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: overloaded %q, want %q", name, got, c.want)
		}
	}
}

// TestOverloadNamesTheCausingTenant: one tenant aims 200 connectors at the address of another tenant's only one.
func TestOverloadNamesTheCausingTenant(t *testing.T) {
	at := func(tenant string, n int) (all []Path) {
		for i := range n {
			e := probes.Endpoint{Addr: netip.MustParseAddrPort("192.0.2.1:25")}
			id := probes.PathID{Tenant: tenant, Direction: "outbound", Connector: fmt.Sprint("c", i), Path: "mail.example"}
			all = append(all, Path{
				Path:       &probes.Path{ID: id, Settings: probes.Settings{Interval: time.Minute}},
				Conclusive: &probes.Result{Path: id, Endpoints: []probes.Endpoint{e, e}},
			})
		}
		return all
	}
	limits := ScheduleLimits{MaxConcurrent: 256, MaxPerAddress: 1, MinGap: time.Second}
	for name, c := range map[string]struct {
		paths            []Path
		tenant, evidence string
	}{
		"another tenant": {
			slices.Concat(at("healthy", 1), at("hostile", 200)), "",
			"Tenants by load, with the number of their paths: hostile (200), healthy (1).",
		},
		"itself": {at("contoso", 50), "contoso", "Tenants by load, with the number of their paths: contoso (50)."},
	} {
		overloads := Overloads(c.paths, limits)
		if len(overloads) != 1 {
			t.Fatalf("%s: %d overloads, want 1", name, len(overloads))
		}
		if f := overloads[0].finding(); f.Tenant != c.tenant || !strings.Contains(f.Evidence[0], c.evidence) {
			t.Errorf("%s: tenant %q, evidence %q; want %q, %q", name, f.Tenant, f.Evidence, c.tenant, c.evidence)
		}
	}
}
