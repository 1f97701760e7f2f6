package collector

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// identity is the labels that say whose series these are, clean, in the order of their names; what does not apply is empty.
type identity struct{ address, connector, direction, host, path, tenant string }

func (a identity) clean() identity {
	return identity{clean(a.address), clean(a.connector), clean(a.direction), clean(a.host), clean(a.path), clean(a.tenant)}
}

func (a identity) compare(b identity) int {
	return cmp.Or(strings.Compare(a.address, b.address), strings.Compare(a.connector, b.connector), strings.Compare(a.direction, b.direction),
		strings.Compare(a.host, b.host), strings.Compare(a.path, b.path), strings.Compare(a.tenant, b.tenant))
}

// series is one value, finished: a scrape only writes it down.
type series struct {
	metric int
	value  float64
	labels []string // clean values in the order of the label names; series of one group share them where they are the same
	escape bool     // a value holds a backslash or a quote
}

func (s series) compare(t series) int {
	return cmp.Or(cmp.Compare(s.metric, t.metric), slices.Compare(s.labels, t.labels))
}

// group is every series of one tenant, connector, path or endpoint.
type group struct {
	id     identity
	owner  string // the name before it was cleaned: another one with the same labels is not the same
	series []series
}

// drawing keeps the series of something that never changes, made once.
type drawing struct {
	once    sync.Once
	groups  []*group
	dropped uint64 // series left out because their labels were taken
}

func (d *drawing) draw(with func(*pen)) {
	d.once.Do(func() {
		p := pen{groups: map[identity]*group{}}
		with(&p)
		d.groups, d.dropped = p.finish(), p.dropped
	})
}

// size counts the series.
func (d *drawing) size() (n uint64) {
	for _, g := range d.groups {
		n += uint64(len(g.series))
	}
	return n
}

// pen draws series, each label set once: one collision would make Prometheus refuse the whole page.
type pen struct {
	groups  map[identity]*group
	at      *group // what is being drawn; nil: left out
	muted   bool   // leave out everything
	dropped uint64
}

// begin says whose series come next. It is false where other things' series have these labels: the first wins whole, a mixture
// of both would lie.
func (p *pen) begin(id identity, owner string) bool {
	id = id.clean()
	g := p.groups[id]
	if g == nil && !p.muted {
		g = &group{id: id, owner: owner}
		p.groups[id] = g
	}
	if p.muted || g.owner != owner {
		p.at = nil
		return false
	}
	p.at = g
	return true
}

// send draws one series of what begin named. Labels stand in the order of the metric table.
func (p *pen) send(metric int, value float64, labels ...string) {
	f := &families[metric]
	if p.at == nil || len(labels) != len(f.from) {
		p.dropped++
		return
	}
	values, escape := make([]string, len(labels)), false
	for i, from := range f.from {
		values[i] = clean(labels[from])
		escape = escape || strings.ContainsAny(values[i], `\"`)
	}
	for i := range p.at.series {
		s := &p.at.series[i]
		if !slices.Equal(s.labels, values) {
			continue
		}
		if s.metric == metric {
			p.dropped++
			return
		}
		values = s.labels
	}
	p.at.series = append(p.at.series, series{metric, value, values, escape})
}

// finish hands out what was drawn, each group in the order of the page and without spare room: it stays in memory until it is drawn anew.
func (p *pen) finish() []*group {
	groups := make([]*group, 0, len(p.groups))
	for _, g := range p.groups {
		if len(g.series) > 0 {
			g.series = slices.Clone(g.series)
			slices.SortFunc(g.series, series.compare)
			groups = append(groups, g)
		}
	}
	return groups
}
