package collector

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Source is a snapshot of drawn series. To add one: lines in the metric table, a method of pen that draws them from something
// immutable, and a snapshot method that hands out the drawing; then name it in [NewGatherer]. Sources may share a metric and even
// an identity; where two draw the very same series, the first source's is shown.
type Source interface {
	// snapshot must not wait for anything and must hand out slices that the caller may change.
	snapshot() (groups []*group, dropped uint64)
}

// Gatherer makes the page of metrics: what the sources have drawn, and what the exporter tells of itself.
//
// It stands in for a prometheus.Registry, which checks, hashes and sorts every series at every scrape. Here all of this is
// done when something is drawn; a scrape puts groups into order and writes them down.
type Gatherer struct {
	own     prometheus.Gatherer // nil: the sources alone
	sources []Source
	globs   []string // of tenants; nil = all
	names   []string // of families; nil = all
	dropped *atomic.Uint64
}

var _ prometheus.Gatherer = (*Gatherer)(nil)

// NewGatherer gathers own, which may be nil, and the sources. No family of own may have a name of the metric table.
func NewGatherer(own prometheus.Gatherer, sources ...Source) *Gatherer {
	return &Gatherer{own: own, sources: sources, dropped: &atomic.Uint64{}}
}

// The bounds of the patterns of one scrape: each is compared with every tenant.
const (
	maxGlobs = 64
	maxGlob  = 4 * maxLabel // bytes; a name with each character escaped is shorter
)

// ForTenants gathers the series of the tenants that match one of the globs, and nothing of the exporter itself.
func (g *Gatherer) ForTenants(globs []string) (*Gatherer, error) {
	if len(globs) > maxGlobs {
		return nil, fmt.Errorf("at most %d tenant patterns", maxGlobs)
	}
	safe := make([]string, len(globs))
	for i, glob := range globs {
		if len(glob) > maxGlob {
			return nil, fmt.Errorf("a tenant pattern is longer than %d bytes", maxGlob)
		}
		safe[i] = slashless(glob)
		if _, err := path.Match(safe[i], ""); err != nil {
			return nil, fmt.Errorf("tenant=%q: not a pattern", glob)
		}
	}
	return &Gatherer{sources: g.sources, globs: safe, dropped: &atomic.Uint64{}}, nil
}

// named gathers the families of these names alone.
func (g *Gatherer) named(names []string) *Gatherer {
	part := *g
	part.names = names
	return &part
}

// wants reports whether the family of this name is on the page.
func (g *Gatherer) wants(name string) bool { return g.names == nil || slices.Contains(g.names, name) }

// slashless hides slashes from path.Match, for which * ends at one: a tenant's name is no file name.
func slashless(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// Dropped is how many series the newest scrape left out because their labels were taken.
func (g *Gatherer) Dropped() uint64 { return g.dropped.Load() }

// page is the series of one scrape, by metric, each in its order.
type page [numMetrics][]entry

type entry struct {
	of *group
	*series
}

// newPage makes room for the series of all.
func newPage(all []*group) *page {
	var size [numMetrics]int
	for _, one := range all {
		for i := range one.series {
			size[one.series[i].metric]++
		}
	}
	p := &page{}
	for i, n := range size {
		p[i] = make([]entry, 0, n)
	}
	return p
}

// empty tells that no source has anything to show.
func (g *Gatherer) empty() bool {
	return !slices.ContainsFunc(g.sources, func(s Source) bool {
		groups, _ := s.snapshot()
		return len(g.wanted(groups)) > 0
	})
}

// page takes a snapshot of every source.
func (g *Gatherer) page() *page {
	var all []*group
	var dropped uint64
	for _, s := range g.sources {
		groups, lost := s.snapshot()
		all, dropped = append(all, groups...), dropped+lost
	}
	if g.globs != nil {
		all = g.wanted(all)
	}
	slices.SortStableFunc(all, func(a, b *group) int { return a.id.compare(&b.id) })
	p := newPage(all)
	for i, one := range all {
		before := i
		for before > 0 && all[before-1].id == one.id {
			before--
		}
		dropped += p.add(one, all[before:i])
	}
	g.dropped.Store(dropped)
	return p
}

// add takes a group in, without the series that other groups of the same identity have.
func (p *page) add(one *group, others []*group) (dropped uint64) {
	for i := range one.series {
		s := &one.series[i]
		if slices.ContainsFunc(others, func(o *group) bool { return o.has(one, s) }) {
			dropped++
			continue
		}
		p[s.metric] = append(p[s.metric], entry{one, s})
	}
	return dropped
}

// has reports whether g has a series with the metric and labels of s, which is one of h's.
func (g *group) has(h *group, s *series) bool {
	return slices.ContainsFunc(g.series, func(t series) bool { return compareSeries(g, &t, h, s) == 0 })
}

func (g *Gatherer) wanted(all []*group) []*group {
	known := map[string]bool{}
	return slices.DeleteFunc(all, func(one *group) bool {
		tenant := one.id[idTenant]
		wanted, ok := known[tenant]
		if !ok {
			wanted = slices.ContainsFunc(g.globs, func(glob string) bool {
				match, err := path.Match(glob, slashless(tenant))
				return err == nil && match
			})
			known[tenant] = wanted
		}
		return !wanted
	})
}

// others is what the exporter tells of itself, sorted by name. An error does not stand in the way of what could be gathered.
func (g *Gatherer) others() ([]*dto.MetricFamily, error) {
	if g.own == nil {
		return nil, nil
	}
	own, err := g.own.Gather()
	return slices.DeleteFunc(own, func(f *dto.MetricFamily) bool {
		_, taken := slices.BinarySearchFunc(byName, f.GetName(), func(i int, name string) int { return strings.Compare(families[i].name, name) })
		return taken || !g.wants(f.GetName())
	}), err //nolint:wrapcheck // the registry says whose error it is
}

// Gather makes the page for the Prometheus libraries. A scrape does without it.
func (g *Gatherer) Gather() ([]*dto.MetricFamily, error) {
	page := g.page()
	all, err := g.others() // after the page: they tell of it
	for i := range families {
		if len(page[i]) == 0 || !g.wants(families[i].name) {
			continue
		}
		all = append(all, families[i].proto(page[i]))
	}
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return all, err
}
