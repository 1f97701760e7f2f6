package collector

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
)

// Self is what the exporter tells of itself: m365_connector_exporter_….
type Self struct {
	lag        prometheus.Histogram
	reloadOK   prometheus.Gauge
	reloadTime prometheus.Gauge
	loaded     atomic.Pointer[map[string]bool]
	loadedDesc *prometheus.Desc
	parts      []prometheus.Collector
}

// SelfHooks read the state of the schedule.
type SelfHooks struct {
	InFlight   func() int
	Skipped    func() uint64
	Throttled  func() uint64
	FirstRound func() bool
}

var _ prometheus.Collector = (*Self)(nil)

// NewSelf makes the exporter's own metrics.
func NewSelf(h SelfHooks) *Self {
	const ns = "m365_connector_exporter_"
	s := &Self{
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: ns + "schedule_lag_seconds", Help: "How late rounds start.",
			Buckets: []float64{.001, .01, .1, .5, 1, 5, 15, 60, 300}, NativeHistogramBucketFactor: 1.1,
			NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}),
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: ns + "config_last_reload_successful", Help: "1 when the last attempt to load the configuration succeeded.",
		}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: ns + "config_last_reload_success_timestamp_seconds", Help: "When the configuration was last loaded.",
		}),
		loadedDesc: prometheus.NewDesc(ns+"tenant_load_successful", "1 when the tenant's own files loaded.", []string{"tenant"}, nil),
	}
	s.Loaded(nil)
	s.parts = []prometheus.Collector{
		s.lag, s.reloadOK, s.reloadTime, version.NewCollector("m365_connector_exporter"),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: ns + "probes_in_flight", Help: "Probes that hold a connection now."},
			func() float64 { return float64(h.InFlight()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: ns + "rounds_skipped_total", Help: "Rounds skipped because the one before was still going on."},
			func() float64 { return float64(h.Skipped()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: ns + "throttled_total", Help: "Connections that a server answered with 421 or 4.7.5xx."},
			func() float64 { return float64(h.Throttled()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: ns + "first_round_complete", Help: "1 once every path has been probed since the start."},
			func() float64 { return truth(h.FirstRound()) }),
	}
	return s
}

// ObserveLag takes in how late a round started.
func (s *Self) ObserveLag(d time.Duration) { s.lag.Observe(d.Seconds()) }

// Reload takes in how an attempt to load the configuration ended.
func (s *Self) Reload(ok bool, at time.Time) {
	s.reloadOK.Set(truth(ok))
	if ok {
		s.reloadTime.Set(seconds(at))
	}
}

// Loaded takes in which tenants' own files loaded. Names that are the same once cleaned make one series, 0 if any failed.
func (s *Self) Loaded(tenants map[string]bool) {
	merged := make(map[string]bool, len(tenants))
	for tenant, ok := range tenants {
		name := clean(tenant)
		before, twice := merged[name]
		merged[name] = ok && (!twice || before)
	}
	s.loaded.Store(&merged)
}

// Describe sends every description.
func (s *Self) Describe(ch chan<- *prometheus.Desc) {
	ch <- s.loadedDesc
	for _, p := range s.parts {
		p.Describe(ch)
	}
}

// Collect sends the present values.
func (s *Self) Collect(ch chan<- prometheus.Metric) {
	for tenant, ok := range *s.loaded.Load() {
		if m, err := prometheus.NewConstMetric(s.loadedDesc, gauge, truth(ok), tenant); err == nil {
			ch <- m
		}
	}
	for _, p := range s.parts {
		p.Collect(ch)
	}
}
