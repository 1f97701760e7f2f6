package schedule

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// sweepEvery is how often idle addresses are dropped.
const sweepEvery = time.Minute

// LimiterOptions are the limits of a [Limiter].
type LimiterOptions struct {
	MaxConcurrent int           // open connections in total; 256 if not positive
	MaxPerAddress int           // open connections to one address; 1 if not positive
	MinGap        time.Duration // between the starts of two connections to one address
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

// Limiter is the [probes.Limiter] of the daemon. A connection is admitted when one of the MaxConcurrent slots is free
// and its address is ready: fewer than MaxPerAddress connections to it are open, and neither the gap nor a back-off is
// running. The slot is taken only then, so that a probe that waits for one address never occupies a slot that a probe
// of another address could use.
//
// No tenant can starve another, neither with thousands of slow servers nor by directing its connectors to an address of
// another tenant. A free slot goes to the tenant with the fewest open connections; among several, to the one whose turn
// it is. Of the addresses that are ready for this tenant, the one that has been ready the longest is used. At each
// address the tenants are served in turn, so the connection may be that of another tenant, which waits at the same
// address. Finally, while an address waits for its gap to pass and the next tenant there has fewer open connections
// than the others, a slot is reserved for it, for the length of the gap at most.
type Limiter struct {
	mu        sync.Mutex
	options   LimiterOptions
	open      int            // open connections
	openOf    map[string]int // open connections by tenant
	addresses map[netip.Addr]*address
	ready     roundRobin[*address] // for each tenant, the ready addresses at which it waits
	soon      map[*address]bool    // with waiters, and ready as soon as the gap has passed
	swept     time.Time            // when idle addresses were last dropped
	throttled uint64
}

// waiter is one call of Acquire.
type waiter struct {
	tenant   string
	admitted chan struct{} // closed on admission
	started  time.Time     // may be read when admitted is closed
}

var _ probes.Limiter = (*Limiter)(nil)

// NewLimiter returns a Limiter.
func NewLimiter(o LimiterOptions) *Limiter {
	return &Limiter{
		options: o.withDefaults(), openOf: map[string]int{}, addresses: map[netip.Addr]*address{},
		soon: map[*address]bool{},
	}
}

// SetOptions changes the limits. Open connections stay open; the new limits apply to waiting ones.
func (l *Limiter) SetOptions(o LimiterOptions) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.options = o.withDefaults()
	now := time.Now()
	for _, a := range l.addresses {
		l.refresh(a, now)
	}
	l.dispatch(now)
}

// InFlight returns the number of open connections.
func (l *Limiter) InFlight() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Throttled returns the number of connections that were released as throttled.
func (l *Limiter) Throttled() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.throttled
}

// Acquire waits until a connection of a tenant to addr may be opened; see [probes.Limiter]. An IPv4 address mapped
// into IPv6 counts as the IPv4 address.
func (l *Limiter) Acquire(ctx context.Context, tenant string, addr netip.Addr) (func(throttled bool), error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &waiter{tenant: tenant, admitted: make(chan struct{})}
	a := l.enqueue(w, addr.Unmap())
	select {
	case <-w.admitted:
	case <-ctx.Done():
		l.cancel(a, w)
		return nil, ctx.Err()
	}
	var once sync.Once
	return func(throttled bool) { once.Do(func() { l.release(a, w, throttled) }) }, nil
}

func (l *Limiter) enqueue(w *waiter, addr netip.Addr) *address {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.sweep(now)
	a := l.addresses[addr]
	if a == nil {
		a = &address{addr: addr}
		l.addresses[addr] = a
	}
	a.waiting.add(w.tenant, w)
	l.refresh(a, now)
	if a.ready {
		l.ready.add(w.tenant, a)
	}
	l.dispatch(now)
	return a
}

// dispatch admits waiters for as long as a slot is free and an address is ready.
func (l *Limiter) dispatch(now time.Time) {
	for free := l.options.MaxConcurrent - l.open; free > 0; free-- {
		tenant, a, ok := l.ready.lightest(func(tenant string) int { return l.openOf[tenant] })
		if !ok || l.reserved(l.openOf[tenant], free) == free {
			return
		}
		l.admit(a, now)
	}
}

// reserved returns the number of slots that are reserved for tenants with fewer than open connections, at most most.
func (l *Limiter) reserved(open, most int) (n int) {
	for a := range l.soon {
		if n == most {
			break
		}
		if tenant, _, _ := a.waiting.next(); l.openOf[tenant] < open {
			n++
		}
	}
	return n
}

// admit admits the waiter whose turn it is at a ready address. If that is another tenant than the one that the slot was
// for, the latter keeps its turn.
func (l *Limiter) admit(a *address, now time.Time) {
	tenant, w, _ := a.waiting.next() // a ready address has waiters
	a.waiting.remove(tenant, w)
	a.waiting.served(tenant)
	l.ready.remove(tenant, a) // and added again below: the tenant's other addresses come first
	l.ready.served(tenant)
	l.openOf[tenant]++
	l.open++
	a.open++
	a.started, w.started = now, now
	close(w.admitted)
	l.refresh(a, now)
	if a.ready && a.waiting.has(tenant) {
		l.ready.add(tenant, a)
	}
}

// cancel ends the wait of a caller whose context has ended. The caller may have been admitted in the meantime.
func (l *Limiter) cancel(a *address, w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	select {
	case <-w.admitted:
		l.closed(a, w)
	default:
		a.waiting.remove(w.tenant, w)
		if !a.waiting.has(w.tenant) {
			l.ready.remove(w.tenant, a)
		}
	}
	l.refresh(a, now)
	l.dispatch(now)
	l.forget(a, now)
}

func (l *Limiter) release(a *address, w *waiter, throttled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if throttled {
		l.throttled++
	}
	a.learn(w.started, throttled, now)
	l.closed(a, w)
	l.refresh(a, now)
	l.dispatch(now)
	l.forget(a, now)
}

// closed updates the counts after a connection was closed.
func (l *Limiter) closed(a *address, w *waiter) {
	l.open--
	a.open--
	if l.openOf[w.tenant]--; l.openOf[w.tenant] == 0 {
		delete(l.openOf, w.tenant)
	}
}

// refresh updates whether a is ready: it queues a for every tenant that waits there, or removes it from the queue, and
// sets a timer for the end of the gap or the back-off. It is called after every change of a or of the options.
func (l *Limiter) refresh(a *address, now time.Time) {
	readyAt, free := a.readyAt(l.options.MinGap), a.open < l.options.MaxPerAddress
	ready := free && !readyAt.After(now)
	if ready != a.ready {
		a.ready = ready
		for _, tenant := range a.waiting.names() {
			if ready {
				l.ready.add(tenant, a)
			} else {
				l.ready.remove(tenant, a)
			}
		}
	}
	a.stopTimer()
	delete(l.soon, a)
	if free && !ready && !a.waiting.empty() {
		if readyAt.Sub(now) <= l.options.MinGap {
			l.soon[a] = true
		}
		a.timer = time.AfterFunc(readyAt.Sub(now), func() { l.wake(a) })
	}
}

// wake runs when the timer of an address expires.
func (l *Limiter) wake(a *address) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.refresh(a, now)
	l.dispatch(now)
}

// sweep drops idle addresses, once every sweepEvery.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < sweepEvery {
		return
	}
	l.swept = now
	for _, a := range l.addresses {
		l.forget(a, now)
	}
}

// forget drops an address that has no connections and no waiters, and whose gap and back-off are over.
func (l *Limiter) forget(a *address, now time.Time) {
	if a.open == 0 && a.waiting.empty() && !a.remembers(now) && !a.readyAt(l.options.MinGap).After(now) {
		delete(l.addresses, a.addr)
	}
}
