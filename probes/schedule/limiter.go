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

// GateOptions are the limits of a [Gate].
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

// Gate admits connections in the order in which they asked: first a place at the address, then the gap and the back-off of
// that address, then a place among all. A waiter at one address therefore never holds a place that another address could use.
type Limiter struct {
	mu        sync.Mutex
	options   LimiterOptions
	all       line
	addresses map[netip.Addr]*address
	swept     time.Time
	throttled uint64
}

// address is what the gate remembers of one address. It is forgotten when nobody uses it and it has nothing left to hold up.
type address struct {
	users   int       // in Enter or between Enter and leave
	slots   line      // places at this address
	door    line      // one at a time between slot and start, so that gaps are kept
	started time.Time // the last start
	backOff time.Duration
	until   time.Time // end of the back-off
}

var _ probes.Limiter = (*Limiter)(nil)

// NewGate makes a gate with these limits.
func NewLimiter(o LimiterOptions) *Limiter {
	g := &Limiter{addresses: map[netip.Addr]*address{}, options: o.withDefaults()}
	g.all.limit = g.options.MaxConcurrent
	return g
}

// Set changes the limits. Whoever is inside stays; who waits is judged by the new limits.
func (g *Limiter) SetOptions(o LimiterOptions) {
	o = o.withDefaults()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.options = o
	g.all.setLimit(o.MaxConcurrent)
	for _, a := range g.addresses {
		a.slots.setLimit(o.MaxPerAddress)
	}
}

// InFlight is the number of connections inside.
func (g *Limiter) InFlight() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all.held
}

// Throttled counts the connections that ended with a server's wish for fewer of them.
func (g *Limiter) Throttled() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.throttled
}

// Enter waits for admission to addr; see [probes.Gate]. IPv4 in IPv6 counts as the IPv4 address.
func (g *Limiter) Acquire(ctx context.Context, addr netip.Addr) (func(throttled bool), error) {
	addr = addr.Unmap()
	a := g.use(addr)
	started, err := g.admit(ctx, a)
	if err != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.dropUser(addr, a)
		return nil, err
	}
	var once sync.Once
	return func(throttled bool) { once.Do(func() { g.release(addr, a, started, throttled) }) }, nil
}

func (g *Limiter) use(addr netip.Addr) *address {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(time.Now())
	a := g.addresses[addr]
	if a == nil {
		a = &address{slots: line{limit: g.options.MaxPerAddress}, door: line{limit: 1}}
		g.addresses[addr] = a
	}
	a.users++
	return a
}

func (g *Limiter) admit(ctx context.Context, a *address) (started time.Time, err error) {
	if err := a.slots.enter(ctx, &g.mu); err != nil {
		return started, err
	}
	if err := a.door.enter(ctx, &g.mu); err != nil {
		g.locked(a.slots.leave)
		return started, err
	}
	started, err = g.start(ctx, a)
	g.locked(func() {
		a.door.leave()
		if err != nil {
			a.slots.leave()
		}
	})
	return started, err
}

// start waits until the address may be dialled and a place among all is free. A back-off that began meanwhile is waited for
// without that place.
func (g *Limiter) start(ctx context.Context, a *address) (time.Time, error) {
	for {
		if err := g.pause(ctx, a); err != nil {
			return time.Time{}, err
		}
		if err := g.all.enter(ctx, &g.mu); err != nil {
			return time.Time{}, err
		}
		g.mu.Lock()
		now := time.Now()
		if !g.ready(a).After(now) {
			a.started = now
			g.mu.Unlock()
			return now, nil
		}
		g.all.leave()
		g.mu.Unlock()
	}
}

// pause sleeps until the address is ready.
func (g *Limiter) pause(ctx context.Context, a *address) error {
	for {
		g.mu.Lock()
		wait := time.Until(g.ready(a))
		g.mu.Unlock()
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
func (g *Limiter) ready(a *address) time.Time {
	ready := a.until
	if next := a.started.Add(g.options.MinGap); !a.started.IsZero() && next.After(ready) {
		ready = next
	}
	return ready
}

func (g *Limiter) release(addr netip.Addr, a *address, started time.Time, throttled bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	fresh := !started.Before(a.until) // a connection from before the back-off tells nothing about it
	if throttled {
		g.throttled++
	}
	switch {
	case throttled && fresh:
		a.backOff = min(max(2*a.backOff, minBackOff), maxBackOff)
		a.until = now.Add(a.backOff)
	case fresh:
		a.backOff = 0
	}
	g.all.leave()
	a.slots.leave()
	g.dropUser(addr, a)
}

func (g *Limiter) dropUser(addr netip.Addr, a *address) {
	a.users--
	g.forget(addr, a, time.Now())
}

func (g *Limiter) sweep(now time.Time) {
	if now.Sub(g.swept) < sweepEvery {
		return
	}
	g.swept = now
	for addr, a := range g.addresses {
		g.forget(addr, a, now)
	}
}

func (g *Limiter) forget(addr netip.Addr, a *address, now time.Time) {
	remembered := a.backOff > 0 && now.Before(a.until.Add(rememberBackOff))
	if a.users == 0 && !remembered && !g.ready(a).After(now) {
		delete(g.addresses, addr)
	}
}

func (g *Limiter) locked(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}
