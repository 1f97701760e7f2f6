package collector

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/tlsrpt"
)

// Limits on what senders of TLS reports can add. Anyone who has a domain can sign reports. Microsoft's are counted
// beyond the limits, so that others cannot displace them.
const (
	maxReporters    = 50     // labels; the sessions that further ones report count for "other"
	maxReportedFrom = 2000   // pairs of a domain and a reporter; the sessions of further ones count for "other"
	maxReportsSeen  = 10_000 // that are remembered, so that a copy is not counted again
)

// otherReporters is the label of the reporters beyond the limits.
const otherReporters = "other"

// tlsReports holds what senders reported. The caller of its methods holds the lock of roundTripLog.
type tlsReports struct {
	sessions  map[sessionKey]uint64
	reporters map[string]bool               // that are labels, without Microsoft
	summaries map[reportedBy]tlsrpt.Summary // of the newest period; of a reporter that was only counted: without a period
	seen      []string                      // reportID of reports, the oldest first
	known     map[string]struct{}           // the same
	recorded  uint64                        // reports with an accepted domain
}

// reportedBy is a domain and the label of a reporter.
type reportedBy struct{ domain, organization string }

// sessionKey is what the sessions of TLS reports are counted by.
type sessionKey struct {
	reportedBy

	result tlsrpt.Result
}

func newTLSReports() *tlsReports {
	return &tlsReports{
		sessions: map[sessionKey]uint64{}, reporters: map[string]bool{},
		summaries: map[reportedBy]tlsrpt.Summary{}, known: map[string]struct{}{},
	}
}

// RecordTLSReport counts the sessions of a report, those with the accepted domains of the tenants. It returns false for
// a report that was counted already.
func (s *Store) RecordTLSReport(r *tlsrpt.Report) bool {
	accepted, now := s.acceptedDomains(), s.now()
	s.trips.mu.Lock()
	defer s.trips.mu.Unlock()
	s.trips.cache = &seriesCache{}
	return s.trips.reports.record(r, accepted, now)
}

// TLSReports returns what each sender reported last of each accepted domain, as far as it is recent enough to be
// judged. They are ordered by domain and sender.
func (s *Store) TLSReports() []tlsrpt.Summary {
	now := s.now()
	s.trips.mu.RLock()
	defer s.trips.mu.RUnlock()
	return s.trips.reports.current(now)
}

// RecordedTLSReports counts the reports that RecordTLSReport has counted. While it does not change, neither do they.
func (s *Store) RecordedTLSReports() uint64 {
	s.trips.mu.RLock()
	defer s.trips.mu.RUnlock()
	return s.trips.reports.recorded
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

// record counts a report. One without an accepted domain leaves nothing behind.
func (l *tlsReports) record(r *tlsrpt.Report, accepted map[string]bool, now time.Time) bool {
	id := reportID(r)
	if _, known := l.known[id]; known {
		return false
	}
	counted := false
	for key, n := range r.Sessions() {
		if !accepted[key.Domain] {
			continue
		}
		by := reportedBy{key.Domain, l.organization(key.Domain, r.Signer)}
		l.sessions[sessionKey{by, key.Result}] += uint64(n) //nolint:gosec // not negative
		counted = true
	}
	if !counted {
		return true
	}
	l.remember(id)
	l.recorded++
	for _, s := range r.Summaries() {
		if accepted[s.Domain] && s.CurrentAt(now) {
			l.summarize(&s)
		}
	}
	return true
}

// reportID identifies a report. Its length does not depend on the sender.
func reportID(r *tlsrpt.Report) string {
	sum := sha256.Sum256([]byte(r.Signer + "\x00" + r.ID))
	return hex.EncodeToString(sum[:16])
}

func (l *tlsReports) remember(id string) {
	l.known[id] = struct{}{}
	l.seen = append(l.seen, id)
	for len(l.seen) > maxReportsSeen {
		delete(l.known, l.seen[0])
		l.seen = l.seen[1:]
	}
}

// organization returns the label of a sender: the domain that signed the report, since the name in it is not verified.
func (l *tlsReports) organization(domain, signer string) string {
	name := LabelValue(signer)
	by := reportedBy{domain, name}
	if _, known := l.summaries[by]; known {
		return name
	}
	if !tlsrpt.IsMicrosoft(signer) {
		if !l.reporters[name] && len(l.reporters) >= maxReporters || len(l.summaries) >= maxReportedFrom {
			return otherReporters
		}
		l.reporters[name] = true
	}
	l.summaries[by] = tlsrpt.Summary{}
	return name
}

// summarize keeps the newest period. That of a sender beyond the limits is not kept.
func (l *tlsReports) summarize(s *tlsrpt.Summary) {
	by := reportedBy{s.Domain, l.organization(s.Domain, s.Signer)}
	if by.organization == otherReporters {
		return
	}
	known := l.summaries[by]
	l.summaries[by] = known.Merge(s)
}

func (l *tlsReports) current(now time.Time) []tlsrpt.Summary {
	all := make([]tlsrpt.Summary, 0, len(l.summaries))
	for _, s := range l.summaries {
		if s.Domain != "" && s.CurrentAt(now) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b tlsrpt.Summary) int {
		return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Signer, b.Signer))
	})
	return all
}

func compareSessions(a, b sessionKey) int {
	return cmp.Or(cmp.Compare(a.domain, b.domain), cmp.Compare(a.organization, b.organization),
		cmp.Compare(a.result, b.result))
}

func (l *tlsReports) emit(e *emitter) {
	e.setLabels(identity{}, "")
	for _, key := range slices.SortedFunc(maps.Keys(l.sessions), compareSessions) {
		e.emit(tlsReportSessions, float64(l.sessions[key]), key.domain, key.organization, string(key.result))
	}
}
