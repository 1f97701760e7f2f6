//go:build unix

package collector_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/promslog"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

// installation is a store of n paths of one endpoint each, all probed once.
func installation(n int) *collector.Store {
	store := collector.NewStore(time.Now)
	paths := make([]probes.Path, n)
	for i := range paths {
		paths[i] = path(fmt.Sprintf("connector %d", i/10), fmt.Sprintf("host%d.contoso.com", i))
	}
	store.SetInventory(nil, paths)
	for i, p := range paths {
		store.Record(round(p, noon, healthy(p.ID.Path, fmt.Sprintf("192.0.%d.%d", 2+i/250, i%250))))
	}
	return store
}

// plain is what a collector usually is: the same series, made as const metrics at each scrape.
type plain []constant

type constant struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	value  float64
	labels []string
}

// plainOf takes the series in the order of the page, so that sorting costs as little as it can.
func plainOf(tb testing.TB, g prometheus.Gatherer) plain {
	tb.Helper()
	families, err := g.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	var all plain
	for _, f := range families {
		var names []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			names = append(names, l.GetName())
		}
		desc := prometheus.NewDesc(f.GetName(), f.GetHelp(), names, nil)
		for _, m := range f.GetMetric() {
			one := constant{desc: desc, kind: prometheus.GaugeValue, value: m.GetGauge().GetValue()}
			if m.Counter != nil {
				one.kind, one.value = prometheus.CounterValue, m.GetCounter().GetValue()
			}
			for _, l := range m.GetLabel() {
				one.labels = append(one.labels, l.GetValue())
			}
			all = append(all, one)
		}
	}
	return all
}

func (p plain) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(p, ch) }

func (p plain) Collect(ch chan<- prometheus.Metric) {
	for _, s := range p {
		ch <- prometheus.MustNewConstMetric(s.desc, s.kind, s.value, s.labels...)
	}
}

func (p plain) handler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(p)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// ask scrapes once and returns the size of the answer.
func ask(h http.Handler, accept, encoding string) int {
	r := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	r.Header.Set("Accept", accept)
	r.Header.Set("Accept-Encoding", encoding)
	w := &nowhere{header: http.Header{}}
	h.ServeHTTP(w, r)
	return w.size
}

// cpu is the processor time of this process, garbage collection and all.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const (
	asPrometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
	asProtobuf   = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// BenchmarkScrape is a whole scrape of 10,000 paths, ours and a plain collector's of the same series, through HTTP
// handlers.
func BenchmarkScrape(b *testing.B) {
	g := collector.NewGatherer(nil, nil, installation(10_000))
	ours, theirs := g.Handler(promslog.NewNopLogger()), plainOf(b, g).handler()
	for _, c := range []struct{ name, accept, encoding string }{
		{"gzip", asPrometheus, "gzip"}, {"text", string(expfmt.FmtText), ""}, {"protobuf", asProtobuf, "gzip"},
	} {
		for name, h := range map[string]http.Handler{"ours": ours, "plain": theirs} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				size, before := 0, cpu(b)
				for b.Loop() {
					size = ask(h, c.accept, c.encoding)
				}
				b.ReportMetric(float64((cpu(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
				b.ReportMetric(float64(size)/1e6, "MB/op")
			})
		}
	}
}

// TestPlainCollectorServesTheSame: BenchmarkScrape compares like with like.
func TestPlainCollectorServesTheSame(t *testing.T) {
	g := collector.NewGatherer(nil, nil, installation(300))
	registry := prometheus.NewRegistry()
	registry.MustRegister(plainOf(t, g))
	sorted := func(page string) []string { return slices.Sorted(strings.SplitSeq(page, "\n")) }
	if !slices.Equal(sorted(encoded(t, registry, expfmt.FmtText)), sorted(written(t, g, expfmt.FmtText))) {
		t.Error("the plain collector serves another page")
	}
}
