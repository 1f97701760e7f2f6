package collector

import (
	"cmp"
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// PathState is what is known of one path. Treat it as read-only: Snapshot hands out the Store's own values, which
// Record replaces and never changes.
type PathState struct {
	Path         *probes.Path
	Latest       *probes.Result // nil before the first round
	LatestFailed *probes.Result // the newest round that failed, provisional ones too; nil before one
	LastComplete *probes.Result // the newest round that was not cut short; nil before one
	Conclusive   *probes.Result // the newest round that changed or confirmed the verdict; nil before one
	Verdict      probes.Outcome // of the last conclusive round; NotReached before it
	Since        time.Time      // when Verdict last changed
	Stage        probes.Stage   // where it failed, while Verdict is Failed
	Reason       probes.Reason
	LastRun      time.Time // when the newest round that is not provisional ended
	LastSuccess  time.Time
	Rounds       [4]uint64        // by Outcome; provisional rounds do not count
	Endpoints    []check.Endpoint // in the order host, address; they stay known when they cannot be reached
	History      []Round          // newest last; at most maxHistory
	Failures     []Round          // those that failed, kept when History has moved on; at most maxFailures

	cache    *seriesCache // the series of this state; nil in a literal
	shadowed bool         // an earlier path has the same labels once sanitized; this one's series are not exposed
}

// series returns the state's series. The first caller makes them.
func (s *PathState) series() *seriesCache {
	s.cache.fill(func(e *emitter) { e.path(s) })
	return s.cache
}

// Round is one round in a path's history.
type Round struct {
	At      time.Time
	Outcome probes.Outcome
	Stage   probes.Stage // the stage that did not pass, while Reason is set
	Reason  probes.Reason
}

// EndpointKey names an endpoint of a path as the labels do.
type EndpointKey struct{ Host, Address string }

// Each path's history is bounded on its own, so that one failing path cannot evict another's.
const (
	maxHistory  = 20
	maxFailures = 10
)

// KeyOf is the endpoint's identity in labels: no port, no brackets; no address where there is none or it changes each
// round.
func KeyOf(e probes.Endpoint) EndpointKey {
	if e.HideAddress || !e.Addr.Addr().IsValid() {
		return EndpointKey{Host: e.Host}
	}
	return EndpointKey{e.Host, e.Addr.Addr().String()}
}

// record applies one round. An inconclusive or provisional round changes no verdict and no certificate.
func (s *PathState) record(r probes.Result) {
	outcome := r.Outcome()
	s.Latest = &r
	if !interrupted(r) {
		s.LastComplete = &r
	}
	s.remember(roundOf(r, outcome))
	if outcome == probes.Failed {
		s.LatestFailed = &r
	}
	judged := !r.Provisional && outcome != probes.Inconclusive
	s.keepEndpoints(r, judged)
	if r.Provisional {
		return
	}
	s.LastRun = r.Started.Add(r.Duration)
	s.Rounds[outcome]++
	if !judged {
		return
	}
	if outcome != s.Verdict {
		s.Since = r.Started
	}
	_, stage, step, _ := r.Failure()
	s.Conclusive = &r
	s.Verdict, s.Stage, s.Reason = outcome, stage, step.Reason
	if outcome == probes.Passed {
		s.LastSuccess = s.LastRun
	}
}

// roundOf says of a failed round what failed first, of an inconclusive one what first stayed open.
func roundOf(r probes.Result, outcome probes.Outcome) Round {
	line := Round{At: r.Started, Outcome: outcome}
	if _, stage, step, ok := r.Failure(); ok {
		line.Stage, line.Reason = stage, step.Reason
		return line
	}
	for _, e := range r.Endpoints {
		if stage, step, ok := e.FirstProblem(); ok {
			line.Stage, line.Reason = stage, step.Reason
			break
		}
	}
	return line
}

func (s *PathState) remember(line Round) {
	s.History = appendRound(s.History, line, maxHistory)
	if line.Outcome == probes.Failed {
		s.Failures = appendRound(s.Failures, line, maxFailures)
	}
}

// appendRound returns the history with one more round, of which the newest limit rounds stay. It copies, for a
// [Snapshot] may still hold the old history.
func appendRound(history []Round, next Round, limit int) []Round {
	history = history[max(0, len(history)-limit+1):]
	return append(append(make([]Round, 0, len(history)+1), history...), next)
}

// keepEndpoints forgets the endpoints that DNS no longer names, and takes in verdicts and certificates of a round
// that is judged.
func (s *PathState) keepEndpoints(r probes.Result, judged bool) {
	var kept []check.Endpoint // a new one: a Snapshot may still hold the old
	dns := answersOf(r)
	for _, known := range s.Endpoints {
		if !dns.gone(EndpointKey{known.Host, known.Address}) {
			kept = append(kept, known)
		}
	}
	for _, e := range r.Endpoints {
		if judged {
			key := KeyOf(e)
			at, known := slices.BinarySearchFunc(kept, key, compareEndpoint)
			if !known {
				kept = slices.Insert(kept, at, check.Endpoint{Host: key.Host, Address: key.Address})
			}
			learn(&kept[at], e, r.Until)
			kept[at].LastProbed = r.Started
		}
	}
	s.Endpoints = limitEndpoints(kept)
}

// limitEndpoints keeps at most probes.MaxEndpoints endpoints. It forgets those that were not probed for the longest time: a DNS
// server that adds a host in each round and breaks the earlier ones would let them grow without end. A round has no more.
func limitEndpoints(all []check.Endpoint) []check.Endpoint {
	for len(all) > probes.MaxEndpoints {
		oldest := 0
		for i := range all {
			if all[i].LastProbed.Before(all[oldest].LastProbed) {
				oldest = i
			}
		}
		all = slices.Delete(all, oldest, oldest+1)
	}
	return all
}

func compareEndpoint(e check.Endpoint, key EndpointKey) int {
	return cmp.Or(cmp.Compare(e.Host, key.Host), cmp.Compare(e.Address, key.Address))
}

// learn takes in what a round says of an endpoint.
func learn(known *check.Endpoint, e probes.Endpoint, until probes.Stage) {
	if o := e.Outcome(until); o == probes.Passed || o == probes.Failed {
		known.Verdict = o
	}
	if e.TLS != nil && (len(e.TLS.Chain) > 0 || e.TLS.Unparsable != "") {
		known.TLS = e.TLS
	}
}

// answers is what the newest round learned from DNS.
type answers struct {
	resolved map[string]bool // hosts asked for, and whether they have addresses
	listed   map[EndpointKey]bool
	any      bool // one host resolved, so the list of hosts itself is known
}

func answersOf(r probes.Result) answers {
	a := answers{resolved: map[string]bool{}, listed: map[EndpointKey]bool{}}
	if interrupted(r) {
		return answers{} // what is missing may just not have been reached
	}
	for _, e := range r.Endpoints {
		ok := e.Steps[probes.Resolve].Outcome == probes.Passed
		a.resolved[e.Host] = a.resolved[e.Host] || ok
		a.listed[KeyOf(e)] = true
		a.any = a.any || ok
	}
	return a
}

// interrupted tells that a round was cut short, by a shutdown or by its caller.
func interrupted(r probes.Result) bool {
	return len(r.Endpoints) == 0 || slices.ContainsFunc(r.Endpoints, func(e probes.Endpoint) bool {
		_, step, ok := e.FirstProblem()
		return ok && step.Reason == probes.ReasonCanceled
	})
}

// gone tells that DNS no longer names the endpoint: its host resolved without it, or is no longer among the hosts.
func (a answers) gone(key EndpointKey) bool {
	if a.listed[key] {
		return false
	}
	resolved, asked := a.resolved[key.Host]
	return resolved || !asked && a.any
}
