package collector_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

// tenThousand is a large installation: 10,000 paths of one endpoint each.
func tenThousand() *collector.Board {
	board := collector.NewBoard(time.Now)
	paths := make([]probes.Path, 10_000)
	for i := range paths {
		paths[i] = path(fmt.Sprintf("connector %d", i/10), fmt.Sprintf("host%d.contoso.com", i))
	}
	board.SetInventory(nil, paths)
	for _, p := range paths {
		board.Record(round(p, noon, healthy(p.ID.Path, "192.0.2.1")))
	}
	return board
}

// plain is what a collector usually is: the same series, made as const metrics at each scrape.
type plain struct{ series []constant }

type constant struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	value  float64
	labels []string
}

// plainOf takes the series in the order in which c sends them, so that sorting costs both the same.
func plainOf(b *testing.B, c prometheus.Collector) plain {
	b.Helper()
	var p plain
	descs := map[*prometheus.Desc]*prometheus.Desc{}
	each(c, func(metric prometheus.Metric) {
		var m dto.Metric
		if err := metric.Write(&m); err != nil {
			b.Fatal(err)
		}
		one := constant{kind: prometheus.GaugeValue, value: m.GetGauge().GetValue()}
		if m.Counter != nil {
			one.kind, one.value = prometheus.CounterValue, m.GetCounter().GetValue()
		}
		var names []string
		for _, l := range m.GetLabel() {
			names, one.labels = append(names, l.GetName()), append(one.labels, l.GetValue())
		}
		if descs[metric.Desc()] == nil {
			descs[metric.Desc()] = prometheus.NewDesc(fmt.Sprintf("metric_%d", len(descs)), "Help.", names, nil)
		}
		one.desc = descs[metric.Desc()]
		p.series = append(p.series, one)
	})
	return p
}

func (p plain) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(p, ch) }

func (p plain) Collect(ch chan<- prometheus.Metric) {
	for _, s := range p.series {
		ch <- prometheus.MustNewConstMetric(s.desc, s.kind, s.value, s.labels...)
	}
}

// wholly is everything that the board draws: the histogram, which both would have, is left out.
func wholly(b *testing.B) prometheus.Collector {
	b.Helper()
	c, err := collector.New(tenThousand()).Filtered([]string{"*"})
	if err != nil {
		b.Fatal(err)
	}
	drain(c) // the first scrape draws
	return c
}

func benchmarkCollect(b *testing.B, c prometheus.Collector) {
	b.ReportAllocs()
	for b.Loop() {
		drain(c)
	}
}

func benchmarkGather(b *testing.B, c prometheus.Collector) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScrape10kPaths(b *testing.B) { benchmarkGather(b, wholly(b)) }

func BenchmarkPlainCollector10k(b *testing.B) { benchmarkGather(b, plainOf(b, wholly(b))) }

func BenchmarkCollect10kPaths(b *testing.B) { benchmarkCollect(b, wholly(b)) }

func BenchmarkPlainCollect10k(b *testing.B) { benchmarkCollect(b, plainOf(b, wholly(b))) }
