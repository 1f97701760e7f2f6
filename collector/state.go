package collector

import (
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// PathState is what is known of one path. Treat it as read-only: Snapshot hands out the Store's own values, which
// Record replaces and never changes.
type PathState struct {
	Path         *probes.Path
	Latest       *probes.Result // nil before the first round
	LatestFailed *probes.Result // the latest round that failed, provisional ones too; nil before one
	LastComplete *probes.Result // the latest round that was not interrupted; nil before one
	Conclusive   *probes.Result // of each endpoint the last conclusive observation; nil before one
	Verdict      probes.Outcome // Passed or Failed, by the verdicts of the endpoints; NotReached before the first
	Stage        probes.Stage   // where it failed, while Verdict is Failed
	Reason       probes.Reason
	Since        time.Time        // when Verdict last changed
	LastRun      time.Time        // when the latest round that is not provisional ended
	LastSuccess  time.Time        // when the latest round ended in which an endpoint passed while Verdict was Passed
	Rounds       [4]uint64        // by Outcome; provisional rounds do not count
	Endpoints    []check.Endpoint // in the order host, address; they stay known when they cannot be reached
	History      []Round          // latest last; at most maxHistory
	Failures     []Round          // those that failed, kept when History has moved on; at most maxFailures
	Changes      []VerdictChange  // of the verdict, latest last; at most maxVerdictChanges
	Renewals     []check.Renewal  // of certificates, latest last; at most maxRenewals
	Controls     []ControlState   // in the order of probes.ControlKinds, then host and address

	shownBefore []shownLeaf // what was shown before the restart, of endpoints that have shown nothing since

	cache    *seriesCache // the series of this state; nil in a literal
	shadowed bool         // an earlier path has the same labels once sanitized; this one's series are not exposed
}

// series returns the state's series. The first caller makes them.
func (s *PathState) series() *seriesCache {
	s.cache.fill(func(e *emitter) { e.path(s) })
	return s.cache
}

// EndpointKey names an endpoint of a path as the labels do.
type EndpointKey struct {
	Host    string `json:"host"`
	Address string `json:"address"`
}

// KeyOf is the endpoint's identity in labels: no port, no brackets; no address if there is none or it changes each
// round.
func KeyOf(e probes.Endpoint) EndpointKey {
	if e.HideAddress || !e.Addr.Addr().IsValid() {
		return EndpointKey{Host: e.Host}
	}
	return EndpointKey{e.Host, e.Addr.Addr().String()}
}

// record applies one round. Verdicts belong to endpoints: an endpoint that was inconclusive keeps its verdict, and
// changes neither those of its neighbours nor the path's. A provisional round changes no verdict, but an address that
// DNS no longer returns is removed at once.
func (s *PathState) record(r *probes.Result) {
	outcome := r.Outcome()
	s.Latest = r
	if !r.Interrupted() {
		s.LastComplete = r
	}
	s.remember(roundOf(r, outcome))
	if outcome == probes.Failed {
		s.LatestFailed = r
	}
	s.recordEndpoints(r)
	s.recordConclusive(r)
	s.updateVerdict(r.Started)
	if r.Provisional {
		return
	}
	s.LastRun = r.Started.Add(r.Duration)
	s.Rounds[outcome]++
	if s.Verdict == probes.Passed && r.SomePassed() {
		s.LastSuccess = s.LastRun
	}
}

// updateVerdict derives the path's verdict from those of its endpoints: failed if one failed, else passed if one
// passed. While no endpoint has a verdict, because DNS returns other ones now, the last verdict holds.
func (s *PathState) updateVerdict(at time.Time) {
	verdict := probes.NotReached
	for _, known := range s.Endpoints {
		switch {
		case known.Verdict == probes.Failed:
			verdict = probes.Failed
		case known.Verdict == probes.Passed && verdict == probes.NotReached:
			verdict = probes.Passed
		}
	}
	if verdict == probes.NotReached {
		return
	}
	if verdict != s.Verdict {
		s.Since = s.sinceWhen(verdict, at)
	}
	s.rememberVerdict(at, verdict)
	s.Verdict, s.Stage, s.Reason = verdict, 0, ""
	if verdict == probes.Failed {
		_, stage, step, _ := s.Conclusive.Failure()
		s.Stage, s.Reason = stage, step.Reason
	}
}
