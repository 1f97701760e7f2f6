package roundtrip

import (
	"cmp"
	"slices"
	"time"
)

// Arrived records a message that the sink received. ok is false if the message is too old, or its round trip is no
// longer configured.
func (t *Tracker) Arrived(a *Arrival) (f Finished, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, m := t.find(a.Token)
	if s == nil {
		return Finished{}, false
	}
	if m == nil { // the state was lost, or another process has sent the message
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

// pauseAfter pauses a round trip whose messages are duplicated or loop.
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

// Returned records that a message will not be delivered: a notification arrived, or the server refused it.
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

// Expire declares messages lost that have been under way for too long.
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

// finish records an outcome. The outcome of an older message does not replace that of a newer one.
func (t *Tracker) finish(s *TripState, m *Sent, f Finished) {
	m.Outcome, m.Retry = f.Outcome, Refusal{}
	if s.Newest == nil || !f.Sent.Truncate(time.Second).Before(s.Newest.Sent.Truncate(time.Second)) {
		s.Newest = &f
	}
	s.History = append(s.History, Outcomed{f.Sent, f.Outcome, f.Duration})
	s.History = slices.Delete(s.History, 0, max(0, len(s.History)-maxHistory))
	_ = t.save(t.state) // the next Begin reports a state that cannot be saved
}

// Status is the current state of a round trip.
type Status struct {
	Plan         Plan
	Newest       *Finished  // newest message with an outcome; nil if there is none yet
	History      []Outcomed // the oldest first
	UnderWay     time.Time  // when the message under way was sent; zero if there is none
	NotHanded    string     // why no server has accepted it yet
	LastSent     time.Time
	LastReceived time.Time // when the last message arrived; zero if none has
	PausedUntil  time.Time // zero if the round trip is not paused
	PauseReason  string
	SentInOneDay int

	Tenants map[string]string // names of configured tenants by GUID, as far as they are known
}

// TenantName returns a GUID with the name of its tenant if that is configured, or any other text unchanged.
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
