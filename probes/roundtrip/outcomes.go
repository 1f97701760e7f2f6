package roundtrip

import (
	"cmp"
	"slices"
	"time"
)

// Arrived records a message that the sink received. ok is false for a message that is too old, or of a round trip that
// is not configured any more.
func (t *Tracker) Arrived(a *Arrival) (f Finished, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, m := t.find(a.Token)
	if s == nil {
		return Finished{}, false
	}
	if m == nil {
		// the state was lost, or another process sent it
		if a.Received.Sub(a.Token.Sent) > remembered {
			return Finished{}, false
		}
		s.Messages = append(s.Messages, Sent{Token: a.Token.Text, At: a.Token.Sent})
		slices.SortStableFunc(s.Messages, func(a, b Sent) int { return a.At.Compare(b.At) })
		_, m = t.find(a.Token)
	}
	plan := t.plans[a.Token.Trip]
	f = Finished{
		Trip: a.Token.Trip, Token: a.Token.Text, Sent: a.Token.Sent, At: a.Received, Duration: a.Duration(), Trace: a.Trace,
	}
	f.Outcome, f.Mismatches = Judge(a, &plan.Expect)
	switch {
	case m.Copies > 0:
		f.Outcome, f.Mismatches = Duplicate, nil
	case m.Outcome == Lost && f.Outcome == Delivered:
		f.Outcome = Late
	}
	m.Copies++
	s.Received = a.Received
	s.pauseAfter(m, a)
	t.finish(s, m, f)
	return f, true
}

// pauseAfter pauses a round trip whose messages multiply or run in circles.
func (s *TripState) pauseAfter(m *Sent, a *Arrival) {
	switch {
	case m.Copies > maxDuplicates:
		s.PauseReason = "a message arrived more than twice"
	case a.Trace.Received > maxServers:
		s.PauseReason = "a message passed more than 20 servers"
	default:
		return
	}
	s.PausedUntil = a.Received.Add(pause)
}

// Returned records that a message will not be delivered: a notification arrived, or the first server refused it.
func (t *Tracker) Returned(token Token, now time.Time, dsn *DSN, why Refusal) (f Finished, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, m := t.find(token)
	if m == nil || m.Copies > 0 || m.Outcome == Returned {
		return Finished{}, false
	}
	f = Finished{
		Trip: token.Trip, Token: token.Text, Sent: token.Sent, At: now, Outcome: Returned, DSN: dsn, Refusal: why,
	}
	t.finish(s, m, f)
	return f, true
}

// Expire gives up the messages that were under way for too long.
func (t *Tracker) Expire(now time.Time) []Finished {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lost []Finished
	for _, s := range t.state.Trips {
		s.forget(now)
		for i := range s.Messages {
			m := &s.Messages[i]
			if m.Outcome != "" || now.Sub(m.At) < t.plans[s.Trip].LostAfter {
				continue
			}
			f := Finished{Trip: s.Trip, Token: m.Token, Sent: m.At, At: now, Outcome: Lost, Refusal: m.Retry}
			t.finish(s, m, f)
			lost = append(lost, f)
		}
	}
	return lost
}

// finish records an outcome. An older message does not replace what is known of a newer one.
func (t *Tracker) finish(s *TripState, m *Sent, f Finished) {
	m.Outcome, m.Retry = f.Outcome, Refusal{}
	if s.Newest == nil || !f.Sent.Truncate(time.Second).Before(s.Newest.Sent.Truncate(time.Second)) {
		s.Newest = &f
	}
	s.History = append(s.History, Outcomed{f.Sent, f.Outcome, f.Duration})
	s.History = slices.Delete(s.History, 0, max(0, len(s.History)-maxHistory))
	_ = t.save(t.state) // the next Begin reports a state that cannot be saved
}

// Status is a round trip as it stands.
type Status struct {
	Plan Plan
	// Newest is the newest message that has an outcome, nil before the first.
	Newest       *Finished
	History      []Outcomed // the oldest first
	UnderWay     time.Time  // when the message under way was sent, zero without one
	NotHanded    string     // why it could not be handed over yet
	LastSent     time.Time
	LastReceived time.Time // when a message arrived last, zero if none did
	PausedUntil  time.Time // zero if the round trip is not paused
	PauseReason  string
	SentInOneDay int

	Tenants map[string]string // names of configured tenants by GUID, where they are known
}

// TenantName returns a GUID with the name of its tenant if that is configured; any other text as it is.
func (s *Status) TenantName(id string) string {
	if name := s.Tenants[id]; name != "" {
		return name + " (" + id + ")"
	}
	return id
}

// Statuses returns all round trips, ordered by tenant and name.
func (t *Tracker) Statuses(now time.Time) []Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Status, 0, len(t.state.Trips))
	for _, s := range t.state.Trips {
		all = append(all, s.status(t.plans[s.Trip], now))
	}
	slices.SortFunc(all, func(a, b Status) int { return compareTrips(a.Plan.Trip, b.Plan.Trip) })
	return all
}

func (s *TripState) status(plan Plan, now time.Time) Status {
	status := Status{Plan: plan, History: slices.Clone(s.History), LastReceived: s.Received}
	if s.Newest != nil {
		newest := *s.Newest
		status.Newest = &newest
	}
	if now.Before(s.PausedUntil) {
		status.PausedUntil, status.PauseReason = s.PausedUntil, s.PauseReason
	}
	for _, m := range s.Messages {
		status.LastSent = m.At
		if now.Sub(m.At) < 24*time.Hour {
			status.SentInOneDay++
		}
		if m.Outcome == "" {
			status.UnderWay, status.NotHanded = m.At, m.Retry.Text
		}
	}
	return status
}

func compareTrips(a, b Trip) int {
	if a.Tenant != b.Tenant {
		return cmp.Compare(a.Tenant, b.Tenant)
	}
	return cmp.Compare(a.Name, b.Name)
}
