package schedule

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// Back-off after 421 (RFC 5321, section 3.8): it doubles from the first to the second, and is remembered for the third after it
// has run out, so that a path with a long interval does not start again from the bottom.
const (
	minBackOff      = time.Minute
	maxBackOff      = 15 * time.Minute
	rememberBackOff = 2 * time.Hour
	sweepEvery      = time.Minute // how often idle addresses are looked for
)

// LimiterOptions are the limits of a [Limiter].
type LimiterOptions struct {
	MaxConcurrent int           // connections at a time over all addresses; 256 when not positive
	MaxPerAddress int           // connections at a time to one address; 1 when not positive
	MinGap        time.Duration // between the starts of two connections to one address; 0 is none
}

func (o LimiterOptions) withDefaults() LimiterOptions {
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = 256
	}
	if o.MaxPerAddress <= 0 {
		o.MaxPerAddress = 1
	}
	o.MinGap = max(o.MinGap, 0)
	return o
}

// Limiter admits connections in the order in which they asked: first a place at the address, then the gap and the back-off of
// that address, then a place among all. A waiter at one address therefore never holds a place that another address could use.
type Limiter struct {
	mu        sync.Mutex
	options   LimiterOptions
	all       fifoSemaphore
	addresses map[netip.Addr]*address
	swept     time.Time
	throttled uint64
}

// address is what the limiter remembers of one address. It is forgotten when nobody uses it and it has nothing left to hold up.
type address struct {
	users      int           // in Acquire, or between Acquire and release
	slots      fifoSemaphore // places at this address
	startMutex fifoSemaphore // one at a time between slot and start, so that gaps are kept
	started    time.Time     // the last start
	backOff    time.Duration
	until      time.Time // end of the back-off
}

var _ probes.Limiter = (*Limiter)(nil)

// NewLimiter makes a limiter with these limits.
func NewLimiter(o LimiterOptions) *Limiter {
	l := &Limiter{addresses: map[netip.Addr]*address{}, options: o.withDefaults()}
	l.all.limit = l.options.MaxConcurrent
	return l
}

// SetOptions changes the limits. Whoever is inside stays; who waits is judged by the new limits.
func (l *Limiter) SetOptions(o LimiterOptions) {
	o = o.withDefaults()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.options = o
	l.all.setLimit(o.MaxConcurrent)
	for _, a := range l.addresses {
		a.slots.setLimit(o.MaxPerAddress)
	}
}

// InFlight returns the number of connections inside.
func (l *Limiter) InFlight() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.held
}

// Throttled counts the connections that ended with a server's wish for fewer of them.
func (l *Limiter) Throttled() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.throttled
}

// Acquire waits for admission to addr; see [probes.Gate]. IPv4 in IPv6 counts as the IPv4 address.
func (l *Limiter) Acquire(ctx context.Context, addr netip.Addr) (func(throttled bool), error) {
	addr = addr.Unmap()
	a := l.use(addr)
	started, err := l.admit(ctx, a)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dropUser(addr, a)
		return nil, err
	}
	var once sync.Once
	return func(throttled bool) { once.Do(func() { l.release(addr, a, started, throttled) }) }, nil
}

func (l *Limiter) use(addr netip.Addr) *address {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(time.Now())
	a := l.addresses[addr]
	if a == nil {
		a = &address{slots: fifoSemaphore{limit: l.options.MaxPerAddress}, startMutex: fifoSemaphore{limit: 1}}
		l.addresses[addr] = a
	}
	a.users++
	return a
}

func (l *Limiter) admit(ctx context.Context, a *address) (started time.Time, err error) {
	if err := a.slots.acquire(ctx, &l.mu); err != nil {
		return started, err
	}
	if err := a.startMutex.acquire(ctx, &l.mu); err != nil {
		l.locked(a.slots.release)
		return started, err
	}
	started, err = l.start(ctx, a)
	l.locked(func() {
		a.startMutex.release()
		if err != nil {
			a.slots.release()
		}
	})
	return started, err
}

// start waits until the address may be dialled and a place among all is free. A back-off that began meanwhile is waited for
// without that place.
func (l *Limiter) start(ctx context.Context, a *address) (time.Time, error) {
	for {
		if err := l.pause(ctx, a); err != nil {
			return time.Time{}, err
		}
		if err := l.all.acquire(ctx, &l.mu); err != nil {
			return time.Time{}, err
		}
		l.mu.Lock()
		now := time.Now()
		if !l.ready(a).After(now) {
			a.started = now
			l.mu.Unlock()
			return now, nil
		}
		l.all.release()
		l.mu.Unlock()
	}
}

// pause sleeps until the address is ready.
func (l *Limiter) pause(ctx context.Context, a *address) error {
	for {
		l.mu.Lock()
		wait := time.Until(l.ready(a))
		l.mu.Unlock()
		if wait <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// ready is when the address may be dialled next.
func (l *Limiter) ready(a *address) time.Time {
	ready := a.until
	if next := a.started.Add(l.options.MinGap); !a.started.IsZero() && next.After(ready) {
		ready = next
	}
	return ready
}

func (l *Limiter) release(addr netip.Addr, a *address, started time.Time, throttled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	fresh := !started.Before(a.until) // a connection from before the back-off tells nothing about it
	if throttled {
		l.throttled++
	}
	switch {
	case throttled && fresh:
		a.backOff = min(max(2*a.backOff, minBackOff), maxBackOff)
		a.until = now.Add(a.backOff)
	case fresh:
		a.backOff = 0
	}
	l.all.release()
	a.slots.release()
	l.dropUser(addr, a)
}

func (l *Limiter) dropUser(addr netip.Addr, a *address) {
	a.users--
	l.forget(addr, a, time.Now())
}

func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < sweepEvery {
		return
	}
	l.swept = now
	for addr, a := range l.addresses {
		l.forget(addr, a, now)
	}
}

func (l *Limiter) forget(addr netip.Addr, a *address, now time.Time) {
	remembered := a.backOff > 0 && now.Before(a.until.Add(rememberBackOff))
	if a.users == 0 && !remembered && !l.ready(a).After(now) {
		delete(l.addresses, addr)
	}
}

func (l *Limiter) locked(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}
