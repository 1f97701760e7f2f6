package collector

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Metric is one row of the metric table.
type Metric struct {
	Name    string
	Help    string
	Type    Type
	Labels  []string // emit takes the values of those that are not in the identity in this order
	Section Section

	index    int      // in table
	columns  []column // in the order of the page
	extra    int      // labels that are not in the identity
	identity [len(identityLabels)]bool
}

// Stable reports whether the series hold the last conclusive value, so that alerts can rest on them.
func (m *Metric) Stable() bool { return m.Section == SectionStable }

// Type is a metric's type, as # TYPE names it.
type Type string

// The types in use.
const (
	gauge     Type = "gauge"
	counter   Type = "counter"
	histogram Type = "histogram"
)

// Section says where a metric is exposed and what it is for.
type Section int

// The sections, in the order of docs/metrics.md.
const (
	SectionStable   Section = iota // on /metrics; holds the last conclusive value: alert on it
	SectionLatest                  // on /metrics; shows the latest round: look at it
	SectionExporter                // on /metrics; of the exporter itself
	SectionProbe                   // on /probe
)

// column is one label of a metric and where its value is.
type column struct {
	label    string
	before   string // what precedes the value on a line of text: `name{a="`, `",b="`
	extra    bool   // the value belongs to the series, not to the identity of its group
	at       int    // in group.labelsOf, or in identity
	argument int    // which of emit's extra labels it is
}

// table has every metric that was declared.
var table []*Metric

// Metrics returns the metric table in the order of the declarations.
func Metrics() []*Metric { return slices.Clone(table) }

// byName is the table in the order of the page.
var byName = sync.OnceValue(func() []*Metric {
	return slices.SortedFunc(slices.Values(table), func(a, b *Metric) int { return cmp.Compare(a.Name, b.Name) })
})

const namespace = "m365_connector_"

func stable(name string, t Type, labels []string, help string) *Metric {
	return declare(SectionStable, namespace+name, t, labels, help)
}

func latest(name string, t Type, labels []string, help string) *Metric {
	return declare(SectionLatest, namespace+name, t, labels, help)
}

func ofExporter(name string, t Type, labels []string, help string) *Metric {
	return declare(SectionExporter, namespace+"exporter_"+name, t, labels, help)
}

func onProbe(name string, labels []string, help string) *Metric {
	return declare(SectionProbe, name, gauge, labels, help)
}

// declare adds a row to the table. Every metric is a package variable: the table is complete before anything is
// emitted.
func declare(section Section, name string, t Type, labels []string, help string) *Metric {
	m := &Metric{Name: name, Help: help, Type: t, Labels: labels, Section: section, index: len(table)}
	for _, label := range labels {
		c := column{label: label, at: slices.Index(identityLabels[:], label)}
		if c.at < 0 {
			c.extra, c.argument = true, m.extra
			m.extra++
		} else {
			m.identity[c.at] = true
		}
		m.columns = append(m.columns, c)
	}
	slices.SortFunc(m.columns, func(a, b column) int { return cmp.Compare(a.label, b.label) })
	before, at := m.Name+"{", 0
	for i := range m.columns {
		c := &m.columns[i]
		c.before, before = before+c.label+`="`, `",`
		if c.extra {
			c.at = at
			at++
		}
	}
	table = append(table, m)
	return m
}

// hasLabels reports whether the metric has every label of the identity. If it did not, series of two groups could be
// the same.
func (m *Metric) hasLabels(id *identity) bool {
	for i, value := range id {
		if value != "" && !m.identity[i] {
			return false
		}
	}
	return true
}

// value returns where the label value of a series is.
func (c *column) value(g *group, s *series) *string {
	if c.extra {
		return &g.labels[int(s.labels)+c.at]
	}
	return &g.id[c.at]
}

// family returns the metric with its series as the Prometheus libraries represent it.
func (m *Metric) family(all []entry) *dto.MetricFamily {
	t := dto.MetricType_GAUGE
	if m.Type == counter {
		t = dto.MetricType_COUNTER
	}
	f := &dto.MetricFamily{Name: &m.Name, Help: &m.Help, Type: &t, Metric: make([]*dto.Metric, len(all))}
	for i, e := range all {
		f.Metric[i] = m.one(e)
	}
	return f
}

func (m *Metric) one(e entry) *dto.Metric {
	one := &dto.Metric{Label: make([]*dto.LabelPair, len(m.columns))}
	for i := range m.columns {
		c := &m.columns[i]
		one.Label[i] = &dto.LabelPair{Name: &c.label, Value: c.value(e.group, e.series)}
	}
	if m.Type == counter {
		one.Counter = &dto.Counter{Value: &e.value}
	} else {
		one.Gauge = &dto.Gauge{Value: &e.value}
	}
	return one
}

// histogramOpts are the options of a histogram with these classic buckets, which is native too.
func (m *Metric) histogramOpts(buckets ...float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: m.Name, Help: m.Help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		NativeHistogramMinResetDuration: time.Hour,
	}
}
