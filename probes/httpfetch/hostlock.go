package httpfetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// hostLocks allows one connection at a time to one address. The limiter of the probes cannot serve for this: a probe
// holds a place there while it waits for a document, so that the last place, or that of an address which serves both
// mail and documents, would never become free.
type hostLocks struct {
	mu   sync.Mutex
	held map[netip.Addr]chan struct{} // closed when the lock is released; as many as there are fetches
}

func newHostLocks() *hostLocks { return &hostLocks{held: map[netip.Addr]chan struct{}{}} }

// lock waits until no other connection to addr is open. The caller must call unlock; more than once does no harm.
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
