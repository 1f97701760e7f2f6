package collector

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"m365_connector_exporter/probes/mailflow"
)

// metricSet is the metric table with the descriptions made of it.
type metricSet struct {
	table [numMetrics]Metric
	descs [numMetrics]*prometheus.Desc
}

func newMetricSet() *metricSet {
	m := &metricSet{table: Metrics()}
	for i, line := range m.table {
		m.descs[i] = prometheus.NewDesc(namespace+line.Name, line.Help, line.Labels, nil)
	}
	return m
}

// series is a finished metric. It is drawn once and then only handed out: a scrape shares its labels and value.
type series struct {
	desc *prometheus.Desc
	done *dto.Metric // never changed after it was drawn
}

var _ prometheus.Metric = series{}

// Desc returns the description.
func (s series) Desc() *prometheus.Desc { return s.desc }

// Write hands out the drawn labels and value. The registry treats both as immutable, as the interface demands.
func (s series) Write(out *dto.Metric) error {
	out.Label, out.Gauge, out.Counter = s.done.Label, s.done.Gauge, s.done.Counter
	return nil
}

// drawing keeps the series of one immutable state. Whoever scrapes first draws them; until the state is replaced, a scrape is a
// walk over a slice.
type drawing struct {
	once    sync.Once
	series  []series
	dropped uint64 // label sets that came twice
}

func (d *drawing) draw(set *metricSet, with func(*pen)) ([]series, uint64) {
	if d == nil {
		d = &drawing{} // a literal state: drawn anew each time
	}
	d.once.Do(func() {
		p := pen{set: set, seen: map[string]bool{}}
		with(&p)
		d.series, d.dropped = p.series, p.dropped
	})
	return d.series, d.dropped
}

// inventory is the tenants of one configuration, with the series of each connector.
type inventory struct {
	tenants []mailflow.Tenant
	sorted  []int // paths in the order of their labels, by index
	mu      sync.Mutex
	drawn   map[int]*drawing // by index in tenants
}

func (v *inventory) drawing(tenant int) *drawing {
	if v == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.drawn == nil {
		v.drawn = map[int]*drawing{}
	}
	if v.drawn[tenant] == nil {
		v.drawn[tenant] = &drawing{}
	}
	return v.drawn[tenant]
}

// pen draws series, each label set once: one collision would blank the whole page.
type pen struct {
	set     *metricSet
	seen    map[string]bool
	series  []series
	dropped uint64
}

func (p *pen) send(metric int, value float64, labels ...string) {
	for i, l := range labels {
		labels[i] = clean(l)
	}
	key := p.set.table[metric].Name + "\x00" + strings.Join(labels, "\x00") // no clean label holds a NUL
	if p.seen[key] {
		p.dropped++
		return
	}
	m, err := prometheus.NewConstMetric(p.set.descs[metric], p.set.table[metric].Type, value, labels...)
	if err != nil {
		p.dropped++ // a label count that does not fit: the golden scrape would miss it
		return
	}
	done := &dto.Metric{}
	if err := m.Write(done); err != nil {
		p.dropped++
		return
	}
	p.seen[key] = true
	p.series = append(p.series, series{p.set.descs[metric], done})
}
