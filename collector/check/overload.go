package check

import (
	"cmp"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// Overloads finds the addresses whose paths cannot all be probed within their intervals, when concurrent connections to one address
// are allowed and two of them start at least gap apart. What a path's last conclusive round took is what it takes.
func Overloads(paths []Path, concurrent int, gap time.Duration) []Overload {
	loads := map[string]*Overload{}
	share := map[string]float64{} // of the time there is, over all paths of an address
	for i := range paths {
		p := &paths[i]
		if p.NotProbed != "" || p.NotProbeable != "" || p.Conclusive == nil || p.Settings.Interval <= 0 {
			continue
		}
		for _, e := range p.Conclusive.Endpoints {
			if !e.Addr.IsValid() {
				continue
			}
			address := e.Addr.Addr().String()
			l := loads[address]
			if l == nil {
				l = &Overload{Address: address, Within: p.Settings.Interval}
				loads[address] = l
			}
			took := max(onAddress(e)/time.Duration(max(concurrent, 1)), gap)
			l.Needs += took
			l.Within = min(l.Within, p.Settings.Interval)
			share[address] += float64(took) / float64(p.Settings.Interval)
			if len(l.Paths) < MaxEvidence && !slices.Contains(l.Paths, p.ID) {
				l.Paths = append(l.Paths, p.ID)
			}
		}
	}
	var over []Overload
	for address, l := range loads {
		if share[address] > 1 {
			over = append(over, *l)
		}
	}
	slices.SortFunc(over, func(a, b Overload) int { return cmp.Compare(a.Address, b.Address) })
	return over
}

// onAddress is how long a connection was held: everything after the name was resolved.
func onAddress(e probes.Endpoint) time.Duration {
	var held time.Duration
	for _, s := range e.Steps[probes.Connect:] {
		held += s.Took
	}
	return held
}
