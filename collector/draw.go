package collector

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// identity is the labels that say whose series these are, clean, by their place in identityLabels; what does not apply is empty.
type identity [len(identityLabels)]string

// identityLabels are sorted as on the page.
var identityLabels = [...]string{"address", "connector", "direction", "host", "path", "tenant"}

const (
	idAddress = iota
	idConnector
	idDirection
	idHost
	idPath
	idTenant
)

func (a identity) clean() identity {
	for i := range a {
		a[i] = clean(a[i])
	}
	return a
}

func (a *identity) compare(b *identity) int { return slices.Compare(a[:], b[:]) }

// series is one value of a group, finished: a scrape only writes it down.
type series struct {
	value  float64
	labels uint32 // where its labels beside the group's identity begin in group.labels, in the order of their names
	metric uint16 // in families
	escape bool   // a label value holds a backslash or a quote
}

// group is every series of one tenant, connector, path or endpoint.
type group struct {
	id     identity
	owner  string // the name before it was cleaned: another one with the same labels is not the same
	series []series
	labels []string // clean values
}

// labelsOf returns the label values of s beside the identity.
func (g *group) labelsOf(s *series) []string {
	return g.labels[s.labels:][:families[s.metric].extras]
}

func compareSeries(g *group, s *series, h *group, t *series) int {
	return cmp.Or(cmp.Compare(s.metric, t.metric), slices.Compare(g.labelsOf(s), h.labelsOf(t)))
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
		d.groups = p.finish()
		d.dropped = p.dropped
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
func (s *pen) begin(id identity, owner string) bool {
	id = id.clean()
	g := s.groups[id]
	if g == nil && !s.muted {
		g = &group{id: id, owner: owner}
		s.groups[id] = g
	}
	if s.muted || g.owner != owner {
		s.at = nil
		return false
	}
	s.at = g
	return true
}

// send draws one series of what begin named. The labels beside its identity stand in the order of the metric table.
func (s *pen) send(metric int, value float64, extra ...string) {
	f := &families[metric]
	if s.at == nil || len(extra) != f.extras || !f.tells(s.at) {
		s.dropped++
		return
	}
	g := s.at
	one := series{value: value, metric: uint16(metric), labels: uint32(len(g.labels))} //nolint:gosec // far fewer than 4 billion
	for _, c := range f.columns {
		if c.extra {
			g.labels = append(g.labels, clean(extra[c.from]))
		}
	}
	for _, c := range f.columns {
		one.escape = one.escape || strings.ContainsAny(c.value(g, &one), `\"`)
	}
	g.series = append(g.series, one)
}

// finish returns what was drawn, each group in the order of the page and without spare capacity: it stays in memory until it is
// drawn again. Of series with the same labels the first stays.
func (s *pen) finish() []*group {
	groups := make([]*group, 0, len(s.groups))
	for _, g := range s.groups {
		if len(g.series) == 0 {
			continue
		}
		compare := func(a, b series) int { return compareSeries(g, &a, g, &b) }
		slices.SortStableFunc(g.series, compare)
		unique := slices.CompactFunc(g.series, func(a, b series) bool { return compare(a, b) == 0 })
		s.dropped += uint64(len(g.series) - len(unique))
		g.series, g.labels = slices.Clone(unique), slices.Clone(g.labels)
		groups = append(groups, g)
	}
	return groups
}
