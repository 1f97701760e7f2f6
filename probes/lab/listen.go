package lab

import (
	"fmt"
	"net"
	"sync"

	"golang.org/x/net/netutil"
)

// maxConns bounds the open connections of one server.
const maxConns = 100

// tracker is a listener that closes its connections when it is closed itself. A server's Close would miss one that has
// been accepted but not registered yet.
type tracker struct {
	net.Listener

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once closed
}

// listen listens on TCP at host:port.
func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr) //nolint:noctx // loopback
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	return netutil.LimitListener(&tracker{Listener: l, conns: map[net.Conn]bool{}}, maxConns), nil
}

// port returns the port of a listener that listen returned.
func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port } // it listens on TCP

// Accept implements [net.Listener].
func (t *tracker) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conns == nil {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	t.conns[c] = true
	return &trackedConn{Conn: c, tracker: t}, nil
}

// Close closes the listener and every open connection.
func (t *tracker) Close() error {
	err := t.Listener.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		_ = c.Close()
	}
	t.conns = nil
	return err
}

type trackedConn struct {
	net.Conn

	tracker *tracker
}

// Close implements [net.Conn].
func (c *trackedConn) Close() error {
	c.tracker.mu.Lock()
	delete(c.tracker.conns, c.Conn)
	c.tracker.mu.Unlock()
	return c.Conn.Close()
}
