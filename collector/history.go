package collector

import (
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// Each path's history is bounded on its own, so that one failing path cannot evict another's.
const (
	maxHistory        = 30
	maxFailures       = 10
	maxVerdictChanges = 64
)

// historyAge is how long changes of the verdict are kept: uptime is computed over at most this.
const historyAge = 7 * 24 * time.Hour

// Round is one round in a path's history.
type Round struct {
	At       time.Time // when it started
	Duration time.Duration
	Outcome  probes.Outcome
	Stage    probes.Stage // the stage that did not pass, while Reason is set
	Reason   probes.Reason
}

// VerdictChange is when a path's verdict became another one. NotReached: the exporter was not running.
type VerdictChange struct {
	At      time.Time
	Verdict probes.Outcome
}

// roundOf returns the entry of a round in the history: with the first failure if the round failed, else with the first
// problem.
func roundOf(r *probes.Result, outcome probes.Outcome) Round {
	line := Round{At: r.Started, Duration: r.Duration, Outcome: outcome}
	if _, stage, step, ok := r.Failure(); ok {
		line.Stage, line.Reason = stage, step.Reason
		return line
	}
	for _, e := range r.DecisiveEndpoints() {
		if stage, step, ok := e.FirstProblem(); ok {
			line.Stage, line.Reason = stage, step.Reason
			break
		}
	}
	return line
}

func (s *PathState) remember(line Round) {
	s.History = appendBounded(s.History, line, maxHistory)
	if line.Outcome == probes.Failed {
		s.Failures = appendBounded(s.Failures, line, maxFailures)
	}
}

// rememberVerdict records a change of the verdict.
func (s *PathState) rememberVerdict(at time.Time, verdict probes.Outcome) {
	if n := len(s.Changes); n > 0 && s.Changes[n-1].Verdict == verdict {
		return
	}
	s.Changes = appendBounded(s.Changes, VerdictChange{at, verdict}, maxVerdictChanges)
}

// sinceWhen returns since when the path has the verdict that it gets now, which it may have had before a restart.
func (s *PathState) sinceWhen(verdict probes.Outcome, at time.Time) time.Time {
	if s.Verdict != probes.NotReached {
		return at
	}
	for _, change := range slices.Backward(s.Changes) {
		if change.Verdict == verdict {
			at = change.At
		} else if change.Verdict != probes.NotReached {
			break
		}
	}
	return at
}

// appendBounded returns the list with one more item, cut to the latest limit items. It copies the list, because a
// [Snapshot] may still hold the old one.
func appendBounded[T any](list []T, next T, limit int) []T {
	list = list[max(0, len(list)-limit+1):]
	return append(append(make([]T, 0, len(list)+1), list...), next)
}

// Period is a time during which the verdict stayed the same.
type Period struct {
	From, To time.Time
	Verdict  probes.Outcome // NotReached: unknown
}

// Periods divides the time from now-window to now by the verdict.
func (s *PathState) Periods(now time.Time, window time.Duration) (all []Period) {
	begin := now.Add(-window)
	add := func(from, to time.Time, verdict probes.Outcome) {
		if from.Before(begin) {
			from = begin
		}
		if to.After(now) {
			to = now
		}
		if from.Before(to) {
			all = append(all, Period{from, to, verdict})
		}
	}
	last := VerdictChange{At: begin}
	for _, change := range s.Changes {
		add(last.At, change.At, last.Verdict)
		last = change
	}
	add(last.At, now, last.Verdict)
	return all
}

// Uptime returns the share of the time from now-window to now in which the path passed, of the time in which it had a
// verdict, and how long that was.
func (s *PathState) Uptime(now time.Time, window time.Duration) (share float64, known time.Duration) {
	var passed time.Duration
	for _, p := range s.Periods(now, window) {
		length := p.To.Sub(p.From)
		switch p.Verdict {
		case probes.Passed:
			passed += length
			known += length
		case probes.Failed:
			known += length
		}
	}
	if known == 0 {
		return 0, 0
	}
	return float64(passed) / float64(known), known
}
