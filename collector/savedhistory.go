package collector

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// The history of each path is kept over restarts in a file of JSON objects, one on each line: the time of the file,
// then the paths.
//
//	{"saved":"2026-11-24T12:00:00Z"}
//	{"target":"contoso/outbound/To%20on-premises/mail.contoso.com","rounds":[...],"changes":[...]}
//
// After a restart, the pages show it, the checks derive a host's cadence from the renewals, and findings about negative
// controls, which are run once a day, remain. No verdict and no metric is read from it.
type (
	savedHeader struct {
		Saved time.Time `json:"saved"`
	}
	savedPath struct {
		Target   string         `json:"target"`
		Rounds   []savedRound   `json:"rounds,omitempty"`
		Failures []savedRound   `json:"failures,omitempty"`
		Changes  []savedChange  `json:"changes,omitempty"`
		Renewals []savedRenewal `json:"renewals,omitempty"`
		Shown    []shownLeaf    `json:"shown,omitempty"`
		Controls []savedControl `json:"controls,omitempty"`
	}
	savedRound struct {
		At      time.Time `json:"at"`
		Seconds float64   `json:"seconds"`
		Outcome string    `json:"outcome"`
		Stage   string    `json:"stage,omitempty"`
		Reason  string    `json:"reason,omitempty"`
	}
	savedChange struct {
		At      time.Time `json:"at"`
		Verdict string    `json:"verdict"`
	}
)

// The limits of a file. Lines and paths beyond them are left out; with very many paths, each has fewer rounds.
const (
	maxSavedPaths  = 100_000
	maxSavedLine   = 128 << 10
	maxSavedRounds = 400_000 // of all paths
	maxSavedBytes  = 60 << 20
)

// maxSavedSkew is how far in the future a saved time may be, after a correction of the clock.
const maxSavedSkew = 5 * time.Minute

// SaveHistory writes the history of every path, and that of restored paths that are not in the inventory yet.
func (s *Store) SaveHistory(w io.Writer) error {
	now := s.now()
	s.mu.RLock()
	report, states, unclaimed := s.report, slices.Clone(s.states), make([]savedPath, 0, len(s.restored))
	for _, p := range s.restored {
		if p.newest().After(now.Add(-historyAge)) {
			unclaimed = append(unclaimed, p)
		}
	}
	s.mu.RUnlock()
	lines := savedLines{out: bufio.NewWriter(w)}
	lines.add(savedHeader{now.UTC().Truncate(time.Second)})
	rounds := min(maxHistory, max(1, maxSavedRounds/max(len(states), 1)))
	leaves := min(maxShownLeaves, maxSavedLeaves/max(len(states), 1))
	for _, state := range states {
		p := newSavedPath(state, rounds)
		p.Shown = shownLeaves(state, report, leaves)
		if len(p.Rounds)+len(p.Renewals)+len(p.Shown) > 0 {
			lines.add(p)
		}
	}
	for _, p := range unclaimed {
		lines.add(p)
	}
	return errors.Join(lines.err, lines.out.Flush())
}

// savedLines writes lines until the file is full.
type savedLines struct {
	out  *bufio.Writer
	size int
	err  error
}

func (l *savedLines) add(value any) {
	line, err := json.Marshal(value)
	if l.size += len(line) + 1; err != nil || l.size > maxSavedBytes {
		l.err = errors.Join(l.err, err)
		return
	}
	_, _ = l.out.Write(append(line, '\n')) // Flush returns the error
}

// newSavedPath returns the history of a path, with its latest rounds.
func newSavedPath(s *PathState, rounds int) savedPath {
	p := savedPath{
		Target: s.Path.ID.String(), Rounds: saveRounds(last(s.History, rounds)),
		Failures: saveRounds(last(s.Failures, rounds)), Renewals: saveRenewals(s.Renewals),
		Controls: saveControls(s.Controls),
	}
	for _, c := range s.Changes {
		p.Changes = append(p.Changes, savedChange{c.At.UTC().Truncate(time.Second), c.Verdict.String()})
	}
	return p
}

func saveRounds(rounds []Round) []savedRound {
	saved := make([]savedRound, 0, len(rounds))
	for _, r := range rounds {
		one := savedRound{
			At: r.At.UTC().Truncate(time.Second), Seconds: r.Duration.Round(time.Millisecond).Seconds(),
			Outcome: r.Outcome.String(),
		}
		if r.Reason != "" {
			one.Stage, one.Reason = r.Stage.String(), string(r.Reason)
		}
		saved = append(saved, one)
	}
	return saved
}

// RestoreHistory reads what SaveHistory wrote. Paths take their history from it when they are in the inventory; what
// is not valid is left out. It returns an error, and restores nothing, if the text is not such a file.
func (s *Store) RestoreHistory(text []byte) error {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	var header savedHeader
	if err := json.Unmarshal(first, &header); err != nil || header.Saved.IsZero() {
		return errors.New("it is not a history of this exporter")
	}
	now := s.now()
	restored := map[string]savedPath{}
	for line := range bytes.Lines(rest) {
		var p savedPath
		if len(line) > maxSavedLine || len(restored) == maxSavedPaths || json.Unmarshal(line, &p) != nil {
			continue
		}
		restored[p.Target] = p.valid(header.Saved, now)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restored = restored
	for i, state := range s.states {
		if len(state.History) == 0 {
			next := *state
			s.claimHistory(&next)
			s.states[i] = &next
		}
	}
	return nil
}

// claimHistory gives a path its restored history. The caller holds the lock.
func (s *Store) claimHistory(state *PathState) {
	target := state.Path.ID.String()
	p, ok := s.restored[target]
	if !ok {
		return
	}
	delete(s.restored, target)
	state.History, state.Failures = restoreRounds(p.Rounds), restoreRounds(p.Failures)
	state.Renewals, state.shownBefore = restoreRenewals(p.Renewals), p.Shown
	state.Controls = restoreControls(p.Controls)
	for _, c := range p.Changes {
		verdict, _ := parseOutcome(c.Verdict)
		state.Changes = append(state.Changes, VerdictChange{c.At, verdict})
	}
}

// valid returns the part of p that can be used: times that are in order and not in the future, known outcomes, stages
// and reasons, no more of each than is kept. It ends with the verdict unknown since the file was saved.
func (p savedPath) valid(saved, now time.Time) savedPath {
	past := func(at time.Time) bool { return !at.IsZero() && at.Before(now.Add(maxSavedSkew)) }
	var changes []savedChange
	for _, c := range append(p.Changes, savedChange{saved, probes.NotReached.String()}) {
		_, known := parseOutcome(c.Verdict)
		if n := len(changes); known && past(c.At) && (n == 0 || !c.At.Before(changes[n-1].At)) {
			changes = append(changes, c)
		}
	}
	return savedPath{
		Target: p.Target, Rounds: validRounds(p.Rounds, maxHistory, past),
		Failures: validRounds(p.Failures, maxFailures, past),
		Changes:  last(changes, maxVerdictChanges), Renewals: last(validRenewals(p.Renewals, past), maxRenewals),
		Shown:    validLeaves(p.Shown),
		Controls: validControls(p.Controls, past),
	}
}

func validRounds(rounds []savedRound, limit int, past func(time.Time) bool) (all []savedRound) {
	for _, r := range rounds {
		_, outcome := parseOutcome(r.Outcome)
		_, reason := probes.Reason(r.Reason).Info()
		_, stage := probes.ParseStage(r.Stage)
		ordered := len(all) == 0 || !r.At.Before(all[len(all)-1].At)
		if outcome && past(r.At) && ordered && (r.Reason == "" || reason && stage) && r.Seconds >= 0 && r.Seconds < 1e6 {
			all = append(all, r)
		}
	}
	return last(all, limit)
}

func restoreRounds(saved []savedRound) []Round {
	rounds := make([]Round, 0, len(saved))
	for _, r := range saved {
		outcome, _ := parseOutcome(r.Outcome)
		stage, _ := probes.ParseStage(r.Stage)
		rounds = append(rounds, Round{
			At: r.At, Duration: time.Duration(r.Seconds * float64(time.Second)), Outcome: outcome, Stage: stage,
			Reason: probes.Reason(r.Reason),
		})
	}
	return rounds
}

// newest returns the time of the latest round.
func (p savedPath) newest() time.Time {
	if n := len(p.Rounds); n > 0 {
		return p.Rounds[n-1].At
	}
	return time.Time{}
}

func last[T any](list []T, limit int) []T { return list[max(0, len(list)-limit):] }

func parseOutcome(name string) (probes.Outcome, bool) {
	for _, o := range []probes.Outcome{probes.Passed, probes.Failed, probes.Inconclusive, probes.NotReached} {
		if o.String() == name {
			return o, true
		}
	}
	return probes.NotReached, false
}
