package check

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// ScheduleLimits are the limits on connections that all paths share, as configured.
type ScheduleLimits struct {
	MaxConcurrent int           // open connections in total
	MaxPerAddress int           // open connections to one address
	MinGap        time.Duration // between the starts of two connections to one address
}

// Overload is an address whose paths cannot all be probed within their intervals.
type Overload struct {
	Address          string          // "" for the limit of open connections in total
	Paths            []probes.PathID // the first of them
	Tenants          []TenantLoad    // all of them, the largest load first
	TotalTime        time.Duration   // how long one round of each path takes within the limits
	ShortestInterval time.Duration   // the shortest interval among them
}

// TenantLoad is one tenant's part of an overload.
type TenantLoad struct {
	Tenant string
	Paths  int
	Load   float64 // part of the time that is available; 1 alone uses all of it
}

// Overloads returns the addresses, and the limit in total, that leave too little time for all paths. A path is expected
// to take as long as its last conclusive round.
func Overloads(paths []Path, limits ScheduleLimits) []Overload {
	load := make(map[netip.Addr]float64, len(paths)) // part of the available time; the zero address is the limit in total
	eachConnection(paths, limits, func(p *Path, addr netip.Addr, takes time.Duration) {
		load[addr] += float64(takes) / float64(p.Settings.Interval)
	})
	tallies := map[netip.Addr]*tally{}
	for addr, part := range load {
		if part > 1 {
			tallies[addr] = &tally{Overload: Overload{ShortestInterval: math.MaxInt64}, tenants: map[string]*TenantLoad{}}
		}
	}
	if len(tallies) == 0 {
		return nil
	}
	eachConnection(paths, limits, func(p *Path, addr netip.Addr, takes time.Duration) {
		if t := tallies[addr]; t != nil {
			t.add(p, takes)
		}
	})
	overloads := make([]Overload, 0, len(tallies))
	for addr, t := range tallies {
		overloads = append(overloads, t.overload(addr))
	}
	slices.SortFunc(overloads, func(a, b Overload) int { return cmp.Compare(a.Address, b.Address) })
	return overloads
}

// eachConnection visits each connection of a round of each scheduled path: with its address and how long it keeps
// others from that address, and with the zero address and its part of the connections in total.
func eachConnection(
	paths []Path, limits ScheduleLimits, visit func(p *Path, addr netip.Addr, takes time.Duration),
) {
	for i := range paths {
		p := &paths[i]
		if p.NotProbed != "" || p.NotProbeable != "" || p.Conclusive == nil || p.Settings.Interval <= 0 {
			continue
		}
		for k := range p.Conclusive.Endpoints {
			e := &p.Conclusive.Endpoints[k]
			if !e.Addr.IsValid() {
				continue
			}
			open := openFor(e)
			visit(p, e.Addr.Addr(), max(open/time.Duration(max(limits.MaxPerAddress, 1)), limits.MinGap))
			visit(p, netip.Addr{}, open/time.Duration(max(limits.MaxConcurrent, 1)))
		}
	}
}

// openFor is how long a connection was open: everything after the host was resolved.
func openFor(e *probes.Endpoint) time.Duration {
	var open time.Duration
	for _, s := range e.Steps[probes.Connect:] {
		open += s.Duration
	}
	return open
}

// tally adds up the load of one address.
type tally struct {
	Overload

	tenants map[string]*TenantLoad
	last    *Path // the last one that was counted
}

// add counts one connection of a path. The connections of one path follow each other.
func (t *tally) add(p *Path, takes time.Duration) {
	t.TotalTime += takes
	t.ShortestInterval = min(t.ShortestInterval, p.Settings.Interval)
	tenant := t.tenants[p.ID.Tenant]
	if tenant == nil {
		tenant = &TenantLoad{Tenant: p.ID.Tenant}
		t.tenants[p.ID.Tenant] = tenant
	}
	tenant.Load += float64(takes) / float64(p.Settings.Interval)
	if t.last == p {
		return
	}
	t.last = p
	tenant.Paths++
	if len(t.Paths) < maxListed {
		t.Paths = append(t.Paths, p.ID)
	}
}

func (t *tally) overload(addr netip.Addr) Overload {
	o := t.Overload
	if addr.IsValid() {
		o.Address = addr.String()
	}
	for _, tenant := range t.tenants {
		o.Tenants = append(o.Tenants, *tenant)
	}
	slices.SortFunc(o.Tenants, func(a, b TenantLoad) int {
		return cmp.Or(cmp.Compare(b.Load, a.Load), cmp.Compare(a.Tenant, b.Tenant))
	})
	return o
}

// findOverload reports each overload with the tenants that cause it, the largest first. The finding is about a tenant
// if it is the only one.
func findOverload(f *Facts, report func(Finding)) {
	for _, o := range f.Overloaded {
		report(o.finding())
	}
}

func (o *Overload) finding() Finding {
	subject := o.Address
	if subject == "" {
		subject = "all addresses together (max_concurrent)"
	}
	tenants, count := make([]string, 0, len(o.Tenants)), 0
	for _, t := range o.Tenants {
		tenants = append(tenants, fmt.Sprintf("%s (%d)", t.Tenant, t.Paths))
		count += t.Paths
	}
	paths := make([]string, 0, len(o.Paths))
	for _, id := range o.Paths {
		paths = append(paths, id.DisplayName())
	}
	finding := newFinding("%s: the rounds of its paths take %s, the shortest interval is %s. "+
		"Tenants by load, with the number of their paths: %s. Paths: %s.",
		subject, o.TotalTime.Round(time.Second), o.ShortestInterval, list(tenants), listOf(paths, count))
	if len(o.Tenants) == 1 {
		finding.Tenant = o.Tenants[0].Tenant
	}
	return finding
}
