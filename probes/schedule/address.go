package schedule

import (
	"net/netip"
	"time"
)

// After a reply of 421 (RFC 5321, section 3.8) no connection to the address is opened for a while: the back-off. Each
// further 421 doubles it, from minBackOff to maxBackOff. Its length is remembered for rememberBackOff after its end, so
// that paths with long intervals do not start with minBackOff again.
const (
	minBackOff      = time.Minute
	maxBackOff      = 15 * time.Minute
	rememberBackOff = 2 * time.Hour
)

// address is the state of one address in a [Limiter], whose mutex guards it.
type address struct {
	addr    netip.Addr
	waiting roundRobin[*waiter]
	ready   bool        // a connection may start now
	timer   *time.Timer // runs while waiters wait for the gap or the back-off to end
	open    int         // number of open connections
	started time.Time   // start of the last connection
	backOff time.Duration
	until   time.Time // end of the back-off
}

// readyAt returns the earliest start of the next connection: after the gap and the back-off.
func (a *address) readyAt(gap time.Duration) time.Time {
	if a.started.IsZero() {
		return a.until
	}
	if next := a.started.Add(gap); next.After(a.until) {
		return next
	}
	return a.until
}

// learn updates the back-off after a connection. A connection that started before the back-off does not change it.
func (a *address) learn(started time.Time, throttled bool, now time.Time) {
	switch {
	case started.Before(a.until):
	case throttled:
		a.backOff = min(max(2*a.backOff, minBackOff), maxBackOff)
		a.until = now.Add(a.backOff)
	default:
		a.backOff = 0
	}
}

// remembers reports whether the length of the last back-off is still remembered.
func (a *address) remembers(now time.Time) bool {
	return a.backOff > 0 && now.Before(a.until.Add(rememberBackOff))
}

func (a *address) stopTimer() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}
