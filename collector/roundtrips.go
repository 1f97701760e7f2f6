package collector

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/tlsrpt"
)

// Limits of what senders of TLS reports can add.
const (
	maxOrganizations = 50     // labels; the sessions that further ones report count for "other"
	maxReports       = 10_000 // that are remembered, so that a copy is not counted again
)

// roundTripLog holds what round trips and TLS reports have shown.
type roundTripLog struct {
	seconds *prometheus.HistogramVec

	mu       sync.RWMutex
	statuses []roundtrip.Status
	counts   map[roundtrip.Trip]map[roundtrip.Outcome]uint64
	sessions map[sessionKey]uint64
	senders  map[string]bool // organizations that are labels
	reports  []string        // identifiers, the oldest first
	cache    *seriesCache
}

// sessionKey is what the sessions of TLS reports are counted by.
type sessionKey struct {
	domain, organization string
	result               tlsrpt.Result
}

func newRoundTripLog() *roundTripLog {
	return &roundTripLog{
		seconds: prometheus.NewHistogramVec(
			roundTripSeconds.histogramOpts(1, 2.5, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400),
			roundTripSeconds.Labels),
		counts: map[roundtrip.Trip]map[roundtrip.Outcome]uint64{}, sessions: map[sessionKey]uint64{},
		senders: map[string]bool{}, cache: &seriesCache{},
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

// RecordTLSReport counts the sessions of a report, those with the accepted domains of the tenants. It returns false for
// a report that was counted already.
func (s *Store) RecordTLSReport(r *tlsrpt.Report) bool {
	accepted := s.acceptedDomains()
	l := s.trips
	l.mu.Lock()
	defer l.mu.Unlock()
	id := r.Signer + "\x00" + r.ID
	if slices.Contains(l.reports, id) {
		return false
	}
	l.reports = append(l.reports, id)
	l.reports = slices.Delete(l.reports, 0, max(0, len(l.reports)-maxReports))
	organization := l.organization(r)
	for key, n := range r.Sessions() {
		if accepted[key.Domain] {
			l.sessions[sessionKey{key.Domain, organization, key.Result}] += uint64(n) //nolint:gosec // not negative
		}
	}
	l.cache = &seriesCache{}
	return true
}

// organization returns the label of a sender: the domain that signed the report, since anybody can write any name.
func (l *roundTripLog) organization(r *tlsrpt.Report) string {
	name := LabelValue(r.Signer)
	if !l.senders[name] && len(l.senders) >= maxOrganizations {
		return "other"
	}
	l.senders[name] = true
	return name
}

// acceptedDomains returns the names of all accepted domains.
func (s *Store) acceptedDomains() map[string]bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := map[string]bool{}
	for i := range s.tenants {
		for _, d := range s.tenants[i].AcceptedDomains {
			if domain, ok := mailflow.NormaliseDomain(d.Name); ok {
				all[domain] = true
			}
		}
	}
	return all
}

// series returns the series of the newest statuses.
func (l *roundTripLog) series() (groups []*group, dropped uint64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	l.cache.fill(l.emit)
	return l.cache.groups, l.cache.dropped
}

func compareSessions(a, b sessionKey) int {
	return cmp.Or(cmp.Compare(a.domain, b.domain), cmp.Compare(a.organization, b.organization),
		cmp.Compare(a.result, b.result))
}

func (l *roundTripLog) emit(e *emitter) {
	for i := range l.statuses {
		t := &l.statuses[i]
		if e.setLabels(tenantIdentity(t.Plan.Tenant), t.Plan.Tenant) {
			e.roundTrip(t, l.counts[t.Plan.Trip])
		}
	}
	e.setLabels(identity{}, "")
	for _, key := range slices.SortedFunc(maps.Keys(l.sessions), compareSessions) {
		e.emit(tlsReportSessions, float64(l.sessions[key]), key.domain, key.organization, string(key.result))
	}
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
