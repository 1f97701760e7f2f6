package collector

import (
	"iter"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// page has the series of one scrape.
type page struct {
	entries [][]entry           // by the index of the metric, in the order of the page
	others  []*dto.MetricFamily // of a registry, sorted by name
	dropped uint64              // series left out because others had their labels
}

type entry struct {
	group *group
	*series
}

func newPage(groups []*group, dropped uint64) *page {
	p := &page{entries: make([][]entry, len(table)), dropped: dropped}
	size := make([]int, len(table))
	for _, g := range groups {
		for i := range g.series {
			size[g.series[i].metric]++
		}
	}
	for i, n := range size {
		p.entries[i] = make([]entry, 0, n)
	}
	p.add(groups)
	return p
}

// add adds groups, sorted. A series that another group of the same identity has too is left out.
func (p *page) add(groups []*group) {
	slices.SortStableFunc(groups, func(a, b *group) int { return a.id.compare(&b.id) })
	for i, g := range groups {
		first := i
		for first > 0 && groups[first-1].id == g.id {
			first--
		}
		p.addGroup(g, groups[first:i])
	}
}

func (p *page) addGroup(g *group, others []*group) {
	for i := range g.series {
		s := &g.series[i]
		if slices.ContainsFunc(others, func(other *group) bool { return other.has(g, s) }) {
			p.dropped++
			continue
		}
		p.entries[s.metric] = append(p.entries[s.metric], entry{g, s})
	}
}

// has reports whether g has a series with the metric and labels of s, which is one of other's.
func (g *group) has(other *group, s *series) bool {
	return slices.ContainsFunc(g.series, func(t series) bool { return compareSeries(g, &t, other, s) == 0 })
}

// has reports whether the metric of this name has emitted series.
func (p *page) has(name string) bool {
	i := slices.IndexFunc(table, func(m *Metric) bool { return m.Name == name })
	return i >= 0 && len(p.entries[i]) > 0
}

// families yields the page as the Prometheus libraries represent it, sorted by name.
func (p *page) families() iter.Seq[*dto.MetricFamily] {
	return func(yield func(*dto.MetricFamily) bool) {
		p.each(yield, func(m *Metric, all []entry) bool { return yield(m.family(all)) })
	}
}

// each calls other for each family of the registry and own for each metric with series, sorted by name, until one
// returns false.
func (p *page) each(other func(*dto.MetricFamily) bool, own func(*Metric, []entry) bool) {
	others := p.others
	for _, m := range byName() {
		all := p.entries[m.index]
		if len(all) == 0 {
			continue
		}
		for ; len(others) > 0 && others[0].GetName() < m.Name; others = others[1:] {
			if !other(others[0]) {
				return
			}
		}
		if !own(m, all) {
			return
		}
	}
	for _, f := range others {
		if !other(f) {
			return
		}
	}
}
