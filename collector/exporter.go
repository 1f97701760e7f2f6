package collector

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
)

// ExporterMetrics is what the exporter tells of itself: m365_connector_exporter_….
type ExporterMetrics struct {
	lag        prometheus.Histogram
	reloadOK   prometheus.Gauge
	reloadTime prometheus.Gauge
	loaded     atomic.Pointer[map[string]bool]
	loadedDesc *prometheus.Desc
	testedDesc *prometheus.Desc
	selfTest   func() (passed, known bool)
	parts      []prometheus.Collector
}

// ExporterHooks read the state of the schedule and of the scrape. One that is nil reads as zero.
type ExporterHooks struct {
	InFlight   func() int
	Skipped    func() uint64
	Throttled  func() uint64
	FirstRound func() bool
	Dropped    func() uint64
	SelfTest   func() (passed, known bool)
}

var _ prometheus.Collector = (*ExporterMetrics)(nil)

// NewExporterMetrics makes the exporter's own metrics.
func NewExporterMetrics(h ExporterHooks) *ExporterMetrics {
	table := OwnMetrics()
	opts := func(metric int) prometheus.Opts {
		return prometheus.Opts{Name: namespace + table[metric].Name, Help: table[metric].Help}
	}
	s := &ExporterMetrics{
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: namespace + table[ownLag].Name, Help: table[ownLag].Help,
			Buckets: []float64{.001, .01, .1, .5, 1, 5, 15, 60, 300}, NativeHistogramBucketFactor: 1.1,
			NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}),
		reloadOK:   prometheus.NewGauge(prometheus.GaugeOpts(opts(ownReloadOK))),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts(opts(ownReloadTime))),
		loadedDesc: prometheus.NewDesc(namespace+table[ownTenantLoaded].Name, table[ownTenantLoaded].Help, table[ownTenantLoaded].Labels, nil),
		testedDesc: prometheus.NewDesc(namespace+table[ownSelfTest].Name, table[ownSelfTest].Help, nil, nil),
		selfTest:   h.SelfTest,
	}
	s.SetTenantsLoaded(nil)
	reads := func(metric int, read func() float64) prometheus.Collector {
		if table[metric].Kind == counter {
			return prometheus.NewCounterFunc(prometheus.CounterOpts(opts(metric)), read)
		}
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts(metric)), read)
	}
	s.parts = []prometheus.Collector{
		s.lag, s.reloadOK, s.reloadTime, version.NewCollector(namespace + "exporter"),
		reads(ownInFlight, number(h.InFlight)), reads(ownSkipped, number(h.Skipped)), reads(ownThrottled, number(h.Throttled)),
		reads(ownDropped, number(h.Dropped)),
		reads(ownFirstRound, func() float64 { return boolToFloat(h.FirstRound != nil && h.FirstRound()) }),
	}
	return s
}

// number reads a hook, which may be nil.
func number[N int | uint64](hook func() N) func() float64 {
	if hook == nil {
		return func() float64 { return 0 }
	}
	return func() float64 { return float64(hook()) }
}

// ObserveLag takes in how late a round started.
func (s *ExporterMetrics) ObserveLag(d time.Duration) { s.lag.Observe(d.Seconds()) }

// RecordReload takes in how an attempt to load the configuration ended.
func (s *ExporterMetrics) RecordReload(ok bool, at time.Time) {
	s.reloadOK.Set(boolToFloat(ok))
	if ok {
		s.reloadTime.Set(seconds(at))
	}
}

// SetTenantsLoaded takes in which tenants' own files loaded. Names that are the same once cleaned make one series, 0 if any failed.
func (s *ExporterMetrics) SetTenantsLoaded(tenants map[string]bool) {
	merged := make(map[string]bool, len(tenants))
	for tenant, ok := range tenants {
		name := clean(tenant)
		before, twice := merged[name]
		merged[name] = ok && (!twice || before)
	}
	s.loaded.Store(&merged)
}

// Describe sends every description.
func (s *ExporterMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- s.loadedDesc
	ch <- s.testedDesc
	for _, p := range s.parts {
		p.Describe(ch)
	}
}

// Collect sends the present values.
func (s *ExporterMetrics) Collect(ch chan<- prometheus.Metric) {
	for tenant, ok := range *s.loaded.Load() {
		if m, err := prometheus.NewConstMetric(s.loadedDesc, prometheus.GaugeValue, boolToFloat(ok), tenant); err == nil {
			ch <- m
		}
	}
	if s.selfTest != nil {
		if passed, known := s.selfTest(); known {
			ch <- prometheus.MustNewConstMetric(s.testedDesc, prometheus.GaugeValue, boolToFloat(passed))
		}
	}
	for _, p := range s.parts {
		p.Collect(ch)
	}
}
