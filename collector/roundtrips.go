package collector

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"m365_connector_exporter/probes/roundtrip"
)

// roundTripLog holds what round trips and TLS reports have shown.
type roundTripLog struct {
	seconds *prometheus.HistogramVec

	mu       sync.RWMutex
	statuses []roundtrip.Status
	counts   map[roundtrip.Trip]map[roundtrip.Outcome]uint64
	reports  *tlsReports
	cache    *seriesCache
}

func newRoundTripLog() *roundTripLog {
	return &roundTripLog{
		seconds: prometheus.NewHistogramVec(
			roundTripSeconds.histogramOpts(1, 2.5, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400),
			roundTripSeconds.Labels),
		counts:  map[roundtrip.Trip]map[roundtrip.Outcome]uint64{},
		reports: newTLSReports(), cache: &seriesCache{},
	}
}

// RoundTripSeconds is the histogram of round trips, which belongs in the registry.
func (s *Store) RoundTripSeconds() prometheus.Collector { return s.trips.seconds }

// RoundTripMetrics is the source of the series about round trips and TLS reports.
func (s *Store) RoundTripMetrics() Source { return s.trips }

// SetRoundTrips replaces the statuses of the round trips. Counters of those that are gone end.
func (s *Store) SetRoundTrips(statuses []roundtrip.Status) {
	l := s.trips
	l.mu.Lock()
	defer l.mu.Unlock()
	configured := make(map[roundtrip.Trip]bool, len(statuses))
	for i := range statuses {
		configured[statuses[i].Plan.Trip] = true
	}
	for trip := range l.counts {
		if !configured[trip] {
			delete(l.counts, trip)
			l.seconds.DeleteLabelValues(LabelValue(trip.Tenant), LabelValue(trip.Name))
		}
	}
	l.statuses, l.cache = statuses, &seriesCache{}
}

// RoundTrips returns the statuses of the round trips, ordered by tenant and name. The caller changes nothing of them.
func (s *Store) RoundTrips() []roundtrip.Status {
	s.trips.mu.RLock()
	defer s.trips.mu.RUnlock()
	return s.trips.statuses
}

// RecordRoundTrip counts the outcome of a message.
func (s *Store) RecordRoundTrip(f roundtrip.Finished) {
	l := s.trips
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts[f.Trip] == nil {
		l.counts[f.Trip] = map[roundtrip.Outcome]uint64{}
	}
	l.counts[f.Trip][f.Outcome]++
	if f.Duration > 0 && f.Outcome != roundtrip.Duplicate {
		l.seconds.WithLabelValues(LabelValue(f.Trip.Tenant), LabelValue(f.Trip.Name)).Observe(f.Duration.Seconds())
	}
	l.cache = &seriesCache{}
}

// series returns the series of the newest statuses.
func (l *roundTripLog) series() (groups []*group, dropped uint64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	l.cache.fill(l.emit)
	return l.cache.groups, l.cache.dropped
}

func (l *roundTripLog) emit(e *emitter) {
	for i := range l.statuses {
		t := &l.statuses[i]
		if e.setLabels(tenantIdentity(t.Plan.Tenant), t.Plan.Tenant) {
			e.roundTrip(t, l.counts[t.Plan.Trip])
		}
	}
	l.reports.emit(e)
}

// roundTrip emits the series of one round trip.
func (e *emitter) roundTrip(t *roundtrip.Status, counts map[roundtrip.Outcome]uint64) {
	name := t.Plan.Name
	for _, outcome := range roundtrip.Outcomes {
		e.emit(roundTripsTotal, float64(counts[outcome]), name, string(outcome))
	}
	if !t.LastSent.IsZero() {
		e.emit(roundTripLastSent, unixSeconds(t.LastSent), name)
	}
	if t.Newest == nil {
		return
	}
	e.emit(roundTripOutcome, 1, name, string(t.Newest.Outcome))
	e.emit(roundTripSuccess, boolToFloat(t.Newest.Outcome == roundtrip.Delivered), name)
	if !t.LastReceived.IsZero() {
		e.emit(roundTripLastReceived, unixSeconds(t.LastReceived), name)
	}
	if trace := &t.Newest.Trace; trace.TenantID != "" || trace.Origin != "" && trace.Origin != roundtrip.OriginUnknown {
		e.emit(roundTripAttribution, 1, name, trace.TenantID, string(trace.Origin))
	}
}
