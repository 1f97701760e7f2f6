package collector

import (
	"cmp"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// family is a line of the metric table, prepared: what a scrape needs of it is made once.
type family struct {
	Metric
	name    string
	columns []column // in the order of the label names
	extras  int      // labels beside the identity

	identifies [len(identityLabels)]bool // which labels of an identity it has
}

// column is one label of a family, and where its value is.
type column struct {
	label  string
	before string // what stands before the value on a line of text: `name{a="`, `",b="`
	extra  bool   // the value is the series' own, not its group's
	at     int    // in group.labelsOf, or in identity
	from   int    // where in pen.send's extra labels it stands
}

func (c *column) value(g *group, s *series) string { return *c.place(g, s) }

func (c *column) place(g *group, s *series) *string {
	if c.extra {
		return &g.labels[int(s.labels)+c.at]
	}
	return &g.id[c.at]
}

var families, byName = newFamilies(Metrics())

func newFamilies(table [numMetrics]Metric) (all [numMetrics]family, order []int) {
	for i, m := range table {
		all[i] = newFamily(m)
		order = append(order, i)
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(all[i].name, all[j].name) })
	return all, order
}

func newFamily(m Metric) family {
	f := family{Metric: m, name: namespace + m.Name}
	for _, label := range m.Labels {
		c := column{label: label, at: slices.Index(identityLabels[:], label)}
		if c.at < 0 {
			c.extra, c.from = true, f.extras
			f.extras++
		} else {
			f.identifies[c.at] = true
		}
		f.columns = append(f.columns, c)
	}
	slices.SortFunc(f.columns, func(a, b column) int { return cmp.Compare(a.label, b.label) })
	before, at := f.name+"{", 0
	for i := range f.columns {
		c := &f.columns[i]
		c.before, before = before+c.label+`="`, `",`
		if c.extra {
			c.at = at
			at++
		}
	}
	return f
}

// tells whether the family's labels say all of the group's identity. If they did not, series of two groups could be the same.
func (f *family) tells(g *group) bool {
	for i, label := range g.id {
		if label != "" && !f.identifies[i] {
			return false
		}
	}
	return true
}

// proto returns the family with its series as the Prometheus libraries know it.
func (f *family) proto(all []entry) *dto.MetricFamily {
	kind := dto.MetricType_GAUGE
	if f.Kind == counter {
		kind = dto.MetricType_COUNTER
	}
	one := &dto.MetricFamily{Name: &f.name, Help: &f.Help, Type: &kind, Metric: make([]*dto.Metric, len(all))}
	for i, e := range all {
		one.Metric[i] = f.metric(e.of, e.series)
	}
	return one
}

// metric is one series as the Prometheus libraries know it.
func (f *family) metric(g *group, s *series) *dto.Metric {
	m := &dto.Metric{Label: make([]*dto.LabelPair, len(f.columns))}
	for i := range f.columns {
		c := &f.columns[i]
		m.Label[i] = &dto.LabelPair{Name: &c.label, Value: c.place(g, s)}
	}
	if f.Kind == counter {
		m.Counter = &dto.Counter{Value: &s.value}
	} else {
		m.Gauge = &dto.Gauge{Value: &s.value}
	}
	return m
}
