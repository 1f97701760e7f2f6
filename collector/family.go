package collector

import (
	"cmp"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// family is a line of the metric table, prepared: what a scrape needs of it is made once.
type family struct {
	Metric
	name   string
	labels []string // sorted
	from   []int    // where in Metric.Labels the sorted label stands
	before []string // what stands before each value on a line: `name{a="`, `",b="`
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
	for i := range m.Labels {
		f.from = append(f.from, i)
	}
	slices.SortFunc(f.from, func(i, j int) int { return cmp.Compare(m.Labels[i], m.Labels[j]) })
	start := f.name + "{"
	for _, i := range f.from {
		f.labels = append(f.labels, m.Labels[i])
		f.before = append(f.before, start+m.Labels[i]+`="`)
		start = `",`
	}
	return f
}

// proto is the family as the Prometheus libraries know it, without metrics.
func (f *family) proto() *dto.MetricFamily {
	kind := dto.MetricType_GAUGE
	if f.Kind == counter {
		kind = dto.MetricType_COUNTER
	}
	return &dto.MetricFamily{Name: &f.name, Help: &f.Help, Type: &kind}
}

// metric is one series as the Prometheus libraries know it.
func (f *family) metric(s *series) *dto.Metric {
	m := &dto.Metric{Label: make([]*dto.LabelPair, len(s.labels))}
	pairs := make([]dto.LabelPair, len(s.labels))
	for i := range s.labels {
		pairs[i].Name, pairs[i].Value = &f.labels[i], &s.labels[i]
		m.Label[i] = &pairs[i]
	}
	if f.Kind == counter {
		m.Counter = &dto.Counter{Value: &s.value}
	} else {
		m.Gauge = &dto.Gauge{Value: &s.value}
	}
	return m
}
