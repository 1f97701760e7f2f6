package check

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// Overloads finds the addresses whose paths cannot all be probed within their intervals, when concurrent connections to one address
// are allowed and two of them start at least gap apart. What a path's last conclusive round took is what it takes.
func Overloads(paths []Path, concurrent int, gap time.Duration) []Overload {
	each := func(do func(p *Path, address netip.Addr, took time.Duration)) {
		for i := range paths {
			p := &paths[i]
			if p.NotProbed != "" || p.NotProbeable != "" || p.Conclusive == nil || p.Settings.Interval <= 0 {
				continue
			}
			for k := range p.Conclusive.Endpoints {
				if e := &p.Conclusive.Endpoints[k]; e.Addr.IsValid() {
					do(p, e.Addr.Addr(), max(onAddress(e)/time.Duration(max(concurrent, 1)), gap))
				}
			}
		}
	}
	share := make(map[netip.Addr]float64, len(paths)) // of the time there is, over all paths of an address
	each(func(p *Path, address netip.Addr, took time.Duration) {
		share[address] += float64(took) / float64(p.Settings.Interval)
	})
	loads := map[netip.Addr]*Overload{} // of most addresses there is nothing to tell
	for address, s := range share {
		if s > 1 {
			loads[address] = &Overload{Address: address.String(), ShortestInterval: math.MaxInt64}
		}
	}
	if len(loads) == 0 {
		return nil
	}
	each(func(p *Path, address netip.Addr, took time.Duration) {
		l := loads[address]
		if l == nil {
			return
		}
		l.TotalTime += took
		l.ShortestInterval = min(l.ShortestInterval, p.Settings.Interval)
		if len(l.Paths) < MaxEvidence && !slices.Contains(l.Paths, p.ID) {
			l.Paths = append(l.Paths, p.ID)
		}
	})
	over := make([]Overload, 0, len(loads))
	for _, l := range loads {
		over = append(over, *l)
	}
	slices.SortFunc(over, func(a, b Overload) int { return cmp.Compare(a.Address, b.Address) })
	return over
}

// onAddress is how long a connection was held: everything after the name was resolved.
func onAddress(e *probes.Endpoint) time.Duration {
	var held time.Duration
	for _, s := range e.Steps[probes.Connect:] {
		held += s.Duration
	}
	return held
}
