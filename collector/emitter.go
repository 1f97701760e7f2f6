package collector

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// series is one value of a group, ready to be written.
type series struct {
	value  float64
	labels uint32 // where its labels that are not in the identity begin in group.labels, in the order of their names
	metric uint16 // in table
	escape bool   // a label value has a backslash or a quote
}

// group has all series of one tenant, connector, path or endpoint.
type group struct {
	id     identity
	series []series
	labels []string
}

// labelsOf returns the label values of s that are not in the identity.
func (g *group) labelsOf(s *series) []string { return g.labels[s.labels:][:table[s.metric].extra] }

func compareSeries(g *group, s *series, h *group, t *series) int {
	return cmp.Or(cmp.Compare(s.metric, t.metric), slices.Compare(g.labelsOf(s), h.labelsOf(t)))
}

// seriesCache holds the series of a value that never changes, made once.
type seriesCache struct {
	once    sync.Once
	groups  []*group
	dropped uint64 // series left out because others had their labels
}

// fill makes the series, unless they have been made.
func (c *seriesCache) fill(emit func(*emitter)) {
	c.once.Do(func() {
		e := emitter{groups: map[identity]ownedGroup{}}
		emit(&e)
		c.groups, c.dropped = e.finish()
	})
}

// size returns the number of series.
func (c *seriesCache) size() (n uint64) {
	for _, g := range c.groups {
		n += uint64(len(g.series))
	}
	return n
}

// emitter makes series. It never makes two with the same name and labels: for one such collision Prometheus would
// refuse the whole page.
type emitter struct {
	groups  map[identity]ownedGroup
	current *group // whose series are emitted; nil: they are left out
	skip    bool   // leave out everything
	dropped uint64
}

// ownedGroup is a group whose series are being made.
type ownedGroup struct {
	*group
	owner string // the name before it was sanitized: another one with the same labels is not the same
}

// setLabels sets the identity of the series that come next. It reports false if the series of another owner already
// have these labels: only the first owner's series are exposed, since a mixture would be wrong.
func (e *emitter) setLabels(id identity, owner string) bool {
	id = id.sanitized()
	g, known := e.groups[id]
	if !known && !e.skip {
		g = ownedGroup{&group{id: id}, owner}
		e.groups[id] = g
	}
	if e.skip || g.owner != owner {
		e.current = nil
		return false
	}
	e.current = g.group
	return true
}

// emit makes one series with the labels of setLabels and the extra labels, in the order of the metric's declaration.
func (e *emitter) emit(m *Metric, value float64, extraLabels ...string) {
	g := e.current
	if g == nil || len(extraLabels) != m.extra || !m.hasLabels(&g.id) {
		e.dropped++
		return
	}
	s := series{value: value, metric: uint16(m.index), labels: uint32(len(g.labels))} //nolint:gosec // far fewer
	for _, c := range m.columns {
		if c.extra {
			g.labels = append(g.labels, LabelValue(extraLabels[c.argument]))
		}
	}
	if n := len(g.series); n > 0 { // the same labels often come twice, as those of a stage's success and duration
		if last := &g.series[n-1]; slices.Equal(g.labelsOf(last), g.labels[s.labels:]) {
			g.labels, s.labels = g.labels[:s.labels], last.labels
		}
	}
	for _, c := range m.columns {
		s.escape = s.escape || strings.ContainsAny(*c.value(g, &s), `\"`)
	}
	g.series = append(g.series, s)
}

// finish returns the series, each group in the order of the page and without spare capacity, since it stays in
// memory. Of series with the same labels the first stays.
func (e *emitter) finish() (groups []*group, dropped uint64) {
	for _, owned := range e.groups {
		g := owned.group
		if len(g.series) == 0 {
			continue
		}
		compare := func(a, b series) int { return compareSeries(g, &a, g, &b) }
		slices.SortStableFunc(g.series, compare)
		unique := slices.CompactFunc(g.series, func(a, b series) bool { return compare(a, b) == 0 })
		e.dropped += uint64(len(g.series)) - uint64(len(unique))
		g.series, g.labels = slices.Clone(unique), slices.Clone(g.labels)
		groups = append(groups, g)
	}
	return groups, e.dropped
}
