package collector

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"
)

// ExporterMetrics are the exporter's own metrics, m365_connector_exporter_….
type ExporterMetrics struct {
	hooks   ExporterHooks
	lag     prometheus.Histogram
	reload  atomic.Pointer[reload]
	tenants atomic.Pointer[map[string]bool] // whether the tenant's files loaded, by name
}

// ExporterHooks read the state of the schedule. One that is nil reads as zero.
type ExporterHooks struct {
	InFlight   func() int
	Warnings   func() int // about the configuration and the exports
	Skipped    func() uint64
	Throttled  func() uint64
	FirstRound func() bool
	SelfTest   func() (passed, known bool)
	Sink       func() (s SinkCounts, known bool)
}

// SinkCounts has the counters of the sink of round trips since the start.
type SinkCounts struct {
	Connections, Messages []SinkCount
	Errors                uint64
}

// SinkCount is the number of connections or messages with an outcome.
type SinkCount struct {
	Outcome string
	Count   uint64
}

// reload is how the latest attempt to load the configuration ended.
type reload struct {
	successful bool
	loaded     time.Time // when one last succeeded
}

// NewExporterMetrics returns the exporter's own metrics.
func NewExporterMetrics(h ExporterHooks) *ExporterMetrics {
	lag := prometheus.NewHistogram(exporterScheduleLag.histogramOpts(.001, .01, .1, .5, 1, 5, 15, 60, 300))
	m := &ExporterMetrics{hooks: h, lag: lag}
	m.reload.Store(&reload{})
	m.SetTenantsLoaded(nil)
	return m
}

// ScheduleLag is the histogram of ObserveLag, which belongs in the registry.
func (m *ExporterMetrics) ScheduleLag() prometheus.Collector { return m.lag }

// ObserveLag records how late a round started.
func (m *ExporterMetrics) ObserveLag(d time.Duration) { m.lag.Observe(d.Seconds()) }

// RecordReload records how an attempt to load the configuration ended.
func (m *ExporterMetrics) RecordReload(ok bool, at time.Time) {
	next := &reload{ok, at}
	if !ok {
		next.loaded = m.reload.Load().loaded
	}
	m.reload.Store(next)
}

// SetTenantsLoaded sets which tenants' own files loaded. Names that are the same once sanitized make one series, 0 if
// any failed.
func (m *ExporterMetrics) SetTenantsLoaded(tenants map[string]bool) {
	merged := make(map[string]bool, len(tenants))
	for tenant, ok := range tenants {
		name := LabelValue(tenant)
		before, twice := merged[name]
		merged[name] = ok && (!twice || before)
	}
	m.tenants.Store(&merged)
}

// groups returns the series of the moment. dropped is how many series the page had to leave out.
func (m *ExporterMetrics) groups(dropped uint64) []*group {
	var cache seriesCache
	cache.fill(func(e *emitter) { m.emit(e, dropped) })
	return cache.groups
}

func (m *ExporterMetrics) emit(e *emitter, dropped uint64) {
	e.setLabels(identity{}, "")
	e.emit(exporterBuildInfo, 1, version.Version, version.GetRevision(), version.Branch,
		version.GoVersion, version.GoOS, version.GoArch, version.GetTags())
	reload := m.reload.Load()
	e.emit(exporterReloadSuccessful, boolToFloat(reload.successful))
	e.emit(exporterReloadTime, unixSecondsOrZero(reload.loaded))
	h := m.hooks
	e.emit(exporterConfigWarnings, read(h.Warnings))
	e.emit(exporterProbesInFlight, read(h.InFlight))
	e.emit(exporterRoundsSkipped, read(h.Skipped))
	e.emit(exporterThrottled, read(h.Throttled))
	e.emit(exporterFirstRoundComplete, boolToFloat(h.FirstRound != nil && h.FirstRound()))
	if h.SelfTest != nil {
		if passed, known := h.SelfTest(); known {
			e.emit(exporterSelfTestSuccess, boolToFloat(passed))
		}
	}
	if h.Sink != nil {
		if counts, known := h.Sink(); known {
			e.sink(&counts)
		}
	}
	e.emit(exporterSeriesDropped, float64(dropped))
	for tenant, ok := range *m.tenants.Load() {
		e.setLabels(tenantIdentity(tenant), tenant)
		e.emit(exporterTenantLoaded, boolToFloat(ok))
	}
}

// sink emits what the sink has counted.
func (e *emitter) sink(s *SinkCounts) {
	for _, c := range s.Connections {
		e.emit(exporterSinkConnections, float64(c.Count), c.Outcome)
	}
	e.emit(exporterSinkErrors, float64(s.Errors))
	for _, c := range s.Messages {
		e.emit(exporterSinkMessages, float64(c.Count), c.Outcome)
	}
}

// unixSecondsOrZero returns 0 for a time that is not known.
func unixSecondsOrZero(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return unixSeconds(t)
}

// read reads a hook, which may be nil.
func read[N int | uint64](hook func() N) float64 {
	if hook == nil {
		return 0
	}
	return float64(hook())
}
