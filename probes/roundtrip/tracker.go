package roundtrip

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// Plan is a configured round trip.
type Plan struct {
	Trip

	Interval   time.Duration // between two messages
	LostAfter  time.Duration // when a message is declared lost
	DailyLimit int           // messages in 24 hours, at most 1,000
	Expect     Expectation
}

// Finished is a message of a round trip whose outcome is known.
type Finished struct {
	Trip     Trip
	Token    string
	Sent     time.Time
	At       time.Time // when it arrived, was returned or was declared lost
	Outcome  Outcome
	Duration time.Duration // from sending to the sink; 0 if it did not arrive

	Mismatches []Mismatch // if Misrouted
	Trace      Trace      // if it arrived
	DSN        *DSN       // if Returned by a notification
	Refusal    Refusal    // if Returned, or Lost because no server accepted it
}

// Refusal is why a server refused a message, temporarily or permanently. The reason is determined by the rules of
// package smtpprobe, "" if none matches.
type Refusal struct {
	Text     string // as the server wrote it: sanitise it before display
	Reason   probes.Reason
	Evidence probes.Evidence
}

// Bounds of a Tracker.
const (
	remembered    = 48 * time.Hour // how long messages are kept, to recognise late ones and duplicates
	maxRemembered = 1000           // messages of a round trip
	maxHistory    = 200            // outcomes of a round trip that are kept for display
	maxDuplicates = 2              // copies of a message; with more the round trip pauses
	maxServers    = 20             // Received fields; with more it is a loop, and the round trip pauses
	pause         = 24 * time.Hour
)

// Tracker keeps the messages of all round trips, those under way and the outcomes of the others. It decides when the
// next message may be sent. It is safe for concurrent use.
//
// Its state is saved before a message is sent, so that no message is sent twice because of a crash or a restart.
type Tracker struct {
	save func(*State) error

	mu    sync.Mutex
	plans map[Trip]Plan
	state *State
}

// State is the persistent state of a Tracker. It is stored as JSON.
type State struct {
	Key   []byte       // for the tokens
	Trips []*TripState // by tenant and name
}

// TripState is the state of one round trip.
type TripState struct {
	Trip        Trip
	Messages    []Sent // the oldest first
	PausedUntil time.Time
	PauseReason string
	Newest      *Finished // the newest message with an outcome
	Received    time.Time // when the last message arrived
	History     []Outcomed
}

// Sent is a message that was sent.
type Sent struct {
	Token   string
	At      time.Time
	Outcome Outcome // "" while it is under way
	Copies  int     // number of copies that arrived
	Retry   Refusal // why no server has accepted it yet; empty if one has, or may have
}

// Outcomed is an entry of the history.
type Outcomed struct {
	Sent     time.Time
	Outcome  Outcome
	Duration time.Duration
}

// NewTracker returns a Tracker with the state of an earlier one, or a new state. It calls save with the state after
// each change.
func NewTracker(state *State, save func(*State) error) *Tracker {
	return &Tracker{state: state, save: save, plans: map[Trip]Plan{}}
}

// SetPlans replaces the configured round trips. The state of those that are no longer configured is dropped.
func (t *Tracker) SetPlans(plans []Plan) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.plans)
	for _, p := range plans {
		t.plans[p.Trip] = p
	}
	t.fitState()
}

// Restore replaces the state with one that another process has changed.
func (t *Tracker) Restore(state *State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = state
	t.fitState()
}

// fitState adds the states of new round trips and drops those that are not configured.
func (t *Tracker) fitState() {
	for trip := range t.plans {
		if t.trip(trip) == nil {
			t.state.Trips = append(t.state.Trips, &TripState{Trip: trip})
		}
	}
	t.state.Trips = slices.DeleteFunc(t.state.Trips, func(s *TripState) bool {
		_, configured := t.plans[s.Trip]
		return !configured
	})
}

// trip returns the state of a round trip, nil if it is not configured. The lock is held.
func (t *Tracker) trip(trip Trip) *TripState {
	i := slices.IndexFunc(t.state.Trips, func(s *TripState) bool { return s.Trip == trip })
	if i < 0 {
		return nil
	}
	return t.state.Trips[i]
}

// NotDueError reports why no message may be sent now.
type NotDueError struct {
	Reason string
	Next   time.Time // when one may be sent, or at the latest if a message is under way
}

func (e *NotDueError) Error() string {
	return fmt.Sprintf("%s; the next message is due at %s", e.Reason, e.Next.UTC().Format(time.RFC3339))
}

// Begin records a message before it is sent. If it returns an error, no message may be sent: a *NotDueError, or an
// error of saving the state. With requested set, the interval need not have passed: a user requests the message.
func (t *Tracker) Begin(token Token, now time.Time, requested bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, plan := t.trip(token.Trip), t.plans[token.Trip]
	if s == nil {
		return errors.New("this round trip is not configured")
	}
	s.forget(now)
	if err := s.due(plan, now, requested); err != nil {
		return err
	}
	s.Messages = append(s.Messages, Sent{Token: token.Text, At: now})
	if err := t.save(t.state); err != nil {
		s.Messages = s.Messages[:len(s.Messages)-1]
		return fmt.Errorf("saving the state of round trips: %w", err)
	}
	return nil
}

// due returns a *NotDueError unless a message may be sent.
func (s *TripState) due(plan Plan, now time.Time, requested bool) error {
	if now.Before(s.PausedUntil) {
		return &NotDueError{s.PauseReason, s.PausedUntil}
	}
	if len(s.Messages) == 0 {
		return nil
	}
	newest := s.Messages[len(s.Messages)-1]
	if newest.Outcome == "" {
		return &NotDueError{"a message is under way", newest.At.Add(plan.LostAfter)}
	}
	if next := newest.At.Add(plan.Interval); !requested && now.Before(next) {
		return &NotDueError{"the interval has not passed", next}
	}
	limit := min(plan.DailyLimit, maxRemembered)
	day := slices.IndexFunc(s.Messages, func(m Sent) bool { return now.Sub(m.At) < 24*time.Hour })
	if day >= 0 && len(s.Messages)-day >= limit {
		return &NotDueError{"the daily limit is used", s.Messages[len(s.Messages)-limit].At.Add(24 * time.Hour)}
	}
	return nil
}

// forget drops old messages. A message from the future, because the clock was wrong, counts as sent now.
func (s *TripState) forget(now time.Time) {
	for i := range s.Messages {
		if s.Messages[i].At.After(now) {
			s.Messages[i].At = now
		}
	}
	if s.PausedUntil.Sub(now) > pause {
		s.PausedUntil = now.Add(pause)
	}
	s.Messages = slices.DeleteFunc(s.Messages, func(m Sent) bool { return now.Sub(m.At) > remembered && m.Outcome != "" })
	s.Messages = slices.Delete(s.Messages, 0, max(0, len(s.Messages)-maxRemembered))
}

// NotHanded records that no server has accepted a message yet. It is sent again until it is declared lost.
func (t *Tracker) NotHanded(token Token, why Refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, m := t.find(token); m != nil && m.Outcome == "" {
		m.Retry = why
		_ = t.save(t.state) // if this fails, the message is not sent again after a restart, which is safe
	}
}

// Handed records that a server has accepted a message.
func (t *Tracker) Handed(token Token) { t.NotHanded(token, Refusal{}) }

// Waiting returns the token of a message that no server has accepted yet, "" if there is none.
func (t *Tracker) Waiting(trip Trip) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.trip(trip)
	if s == nil || len(s.Messages) == 0 {
		return ""
	}
	if m := s.Messages[len(s.Messages)-1]; m.Outcome == "" && m.Retry.Text != "" {
		return m.Token
	}
	return ""
}

// Outcome returns the outcome of a message, nil while it is under way. retry is why no server has accepted it yet.
func (s *State) Outcome(trip Trip, token string) (f *Finished, retry string) {
	for _, state := range s.Trips {
		i := slices.IndexFunc(state.Messages, func(m Sent) bool { return m.Token == token })
		if i < 0 || state.Trip != trip {
			continue
		}
		if n := state.Newest; n != nil && n.Token == token {
			return n, ""
		}
		return nil, state.Messages[i].Retry.Text
	}
	return nil, ""
}

// find returns the round trip and the message of a token, each nil if it is unknown.
func (t *Tracker) find(token Token) (*TripState, *Sent) {
	s := t.trip(token.Trip)
	if s == nil {
		return nil, nil
	}
	i := slices.IndexFunc(s.Messages, func(m Sent) bool { return m.Token == token.Text })
	if i < 0 {
		return s, nil
	}
	return s, &s.Messages[i]
}
