package schedule_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/schedule"
)

// group is a number of paths of one tenant: their addresses and how long each connection lasts.
type group struct {
	tenant  string
	paths   int
	address func(i int) netip.Addr
	holds   time.Duration
}

func ownAddress(third byte) func(int) netip.Addr {
	return func(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 18 + third, byte(i >> 8), byte(i)}) }
}

func sharedAddress(int) netip.Addr { return host(1) }

// oldestRound runs all groups for five intervals and returns how old the newest result of any path of the tenant
// "healthy" became after its first round.
func oldestRound(
	t *testing.T, o schedule.LimiterOptions, interval time.Duration, groups ...group,
) (oldest time.Duration) {
	t.Helper()
	type target struct {
		addr  netip.Addr
		holds time.Duration
	}
	targets := map[probes.PathID]target{}
	var paths []probes.Path
	for n, g := range groups {
		for i := range g.paths {
			p := path(fmt.Sprintf("%d-%d", n, i), interval)
			p.ID.Tenant = g.tenant
			paths = append(paths, p)
			targets[p.ID] = target{g.address(i), g.holds}
		}
	}
	var mu sync.Mutex
	last := map[probes.PathID]time.Time{}
	limiter := schedule.NewLimiter(o)
	prober := func(ctx context.Context, p *probes.Path) *probes.Result {
		release, err := limiter.Acquire(ctx, p.ID.Tenant, targets[p.ID].addr)
		if err != nil {
			return new(unsure(*p))
		}
		defer release(false)
		time.Sleep(targets[p.ID].holds)
		return new(good(*p))
	}
	r := schedule.New(schedule.Options{Prober: probes.ProberFunc(prober), Sink: func(result probes.Result) {
		mu.Lock()
		defer mu.Unlock()
		if before, known := last[result.Path]; known && result.Path.Tenant == "healthy" {
			oldest = max(oldest, time.Since(before))
		}
		last[result.Path] = time.Now()
	}})
	r.SetPaths(paths)
	ctx, cancel := context.WithTimeout(t.Context(), 5*interval)
	defer cancel()
	r.Run(ctx)
	for id, at := range last {
		if id.Tenant == "healthy" {
			oldest = max(oldest, time.Since(at))
		}
	}
	return oldest
}

func TestNoTenantStarvesAnother(t *testing.T) {
	const second, minute = time.Second, time.Minute
	large := group{"healthy", 3000, ownAddress(0), second / 5} // more rounds per second than tarpits end
	healthy, one := group{"healthy", 100, ownAddress(0), second / 10}, group{"healthy", 1, sharedAddress, second / 2}
	tarpits := group{"hostile", 4000, ownAddress(1), 30 * second}
	intruders := group{"hostile", 200, sharedAddress, second / 2}
	for name, c := range map[string]struct {
		interval time.Duration
		groups   []group
	}{
		"4,000 tarpits of one tenant":                                {5 * minute, []group{healthy, tarpits}},
		"4,000 tarpits beside a large tenant":                        {5 * minute, []group{large, tarpits}},
		"200 connectors aimed at another tenant's address":           {minute, []group{one, intruders}},
		"200 connectors at the address of a tenant with other paths": {minute, []group{one, healthy, intruders}},
		"tarpits of a tenant that waits there too":                   {5 * minute, []group{one, healthy, tarpits, intruders}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				oldest := oldestRound(t, schedule.LimiterOptions{MinGap: second}, c.interval, c.groups...)
				if most := c.interval * 11 / 10; oldest > most {
					t.Errorf("a healthy path's result was %s old, want at most %s", oldest, most)
				}
			})
		})
	}
}
