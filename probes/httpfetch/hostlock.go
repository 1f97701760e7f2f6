package httpfetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// hostLocks allows one connection at a time to each address. The limiter of the probes cannot be used for this: a probe
// occupies a slot of it while it waits for a document, so that waiting for another slot could be a deadlock.
type hostLocks struct {
	mu   sync.Mutex
	held map[netip.Addr]chan struct{} // one for each running fetch, closed when the lock is released
}

func newHostLocks() *hostLocks { return &hostLocks{held: map[netip.Addr]chan struct{}{}} }

// lock waits until no other connection to addr is open. The caller must call unlock, and may call it more than once.
func (l *hostLocks) lock(ctx context.Context, addr netip.Addr) (unlock func(), err error) {
	for {
		l.mu.Lock()
		released, busy := l.held[addr]
		if !busy {
			released = make(chan struct{})
			l.held[addr] = released
		}
		l.mu.Unlock()
		if !busy {
			return sync.OnceFunc(func() { l.release(addr, released) }), nil
		}
		select {
		case <-released:
		case <-ctx.Done():
			return nil, fmt.Errorf("another document is being fetched from %s: %w", addr, ctx.Err())
		}
	}
}

func (l *hostLocks) release(addr netip.Addr, released chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, addr)
	close(released)
}

// lockedConn holds a lock until it is closed.
type lockedConn struct {
	net.Conn

	unlock func()
}

// Close closes the connection and releases the lock.
func (c *lockedConn) Close() error {
	defer c.unlock()
	return c.Conn.Close()
}
