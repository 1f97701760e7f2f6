package sink

import (
	"cmp"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what peers can use. Zero means the default.
type Limits struct {
	Connections       int           // open connections; default 200
	PerAddress        int           // open connections from one IPv4 address or IPv6 /64 network; default 20
	MessagesPerMinute int           // messages from one of these; default 600
	MessagesAtOnce    int           // messages of more than 64 kB in memory; default 4
	ConnectionBytes   int64         // bytes that a connection may send; default 100 MB
	ConnectionTime    time.Duration // duration of a connection; default 10 minutes
}

func (l Limits) withDefaults() Limits {
	l.Connections = cmp.Or(l.Connections, 200)
	l.PerAddress = cmp.Or(l.PerAddress, 20)
	l.MessagesPerMinute = cmp.Or(l.MessagesPerMinute, 600)
	l.MessagesAtOnce = cmp.Or(l.MessagesAtOnce, 4)
	l.ConnectionBytes = cmp.Or(l.ConnectionBytes, 100<<20)
	l.ConnectionTime = cmp.Or(l.ConnectionTime, 10*time.Minute)
	return l
}

// Stats are counts since the start.
type Stats struct {
	Connections       atomic.Uint64 // connections that were served
	Refused           atomic.Uint64 // connections from outside Networks
	Limited           atomic.Uint64 // connections above a limit
	Accepted          atomic.Uint64 // messages
	UnknownRecipients atomic.Uint64 // RCPT commands
	Throttled         atomic.Uint64 // messages above a limit
	TooLarge          atomic.Uint64 // messages
	Deferred          atomic.Uint64 // messages that could not be processed
	ConnectionErrors  atomic.Uint64
	Panics            atomic.Uint64
}

// gate admits connections and messages.
type gate struct {
	limits   Limits
	networks func() []netip.Prefix
	now      func() time.Time
	stats    *Stats
	held     chan struct{} // large messages in memory

	mu     sync.Mutex
	open   int
	peers  map[netip.Prefix]*peer // those with a connection, or with messages in this minute
	minute int64
}

// peer has the connections and the messages of one address.
type peer struct{ connections, messages int }

func newGate(l Limits, networks func() []netip.Prefix, now func() time.Time, stats *Stats) *gate {
	return &gate{
		limits: l, networks: networks, now: now, stats: stats,
		held: make(chan struct{}, l.MessagesAtOnce), peers: map[netip.Prefix]*peer{},
	}
}

// maxPeers bounds the addresses that are remembered in a minute.
const maxPeers = 10_000

// network returns the unit of the limits per address: an IPv4 address or an IPv6 /64 network.
func network(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// peer returns the peer of an address, nil if there are too many addresses. A new minute resets the counts of messages
// and drops the peers without a connection. The lock is held.
func (g *gate) peer(a netip.Addr) *peer {
	if minute := g.now().Unix() / 60; minute != g.minute {
		g.minute = minute
		for key, p := range g.peers {
			if p.messages = 0; p.connections == 0 {
				delete(g.peers, key)
			}
		}
	}
	key := network(a)
	if g.peers[key] == nil {
		if len(g.peers) >= maxPeers {
			return nil
		}
		g.peers[key] = &peer{}
	}
	return g.peers[key]
}

// Replies to connections that are not served.
const (
	replyRefused = "554 5.7.1 This server does not accept connections from your address\r\n"
	replyLimited = "421 4.7.0 Too many connections, try again later\r\n"
)

// admit returns the reply to a connection that is not served, "" if it is.
func (g *gate) admit(a netip.Addr) string {
	inside := func(n netip.Prefix) bool { return n.Contains(a) }
	if networks := g.networks(); len(networks) > 0 && !slices.ContainsFunc(networks, inside) {
		g.stats.Refused.Add(1)
		return replyRefused
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.peer(a)
	if p == nil || g.open >= g.limits.Connections || p.connections >= g.limits.PerAddress {
		g.stats.Limited.Add(1)
		return replyLimited
	}
	g.open++
	p.connections++
	g.stats.Connections.Add(1)
	return ""
}

// leave ends an admitted connection.
func (g *gate) leave(a netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if p := g.peers[network(a)]; p != nil {
		p.connections--
	}
}

// admitsMessage reports whether an address may send another message in this minute.
func (g *gate) admitsMessage(a netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.peer(a)
	if p == nil || p.messages >= g.limits.MessagesPerMinute {
		return false
	}
	p.messages++
	return true
}

// reserve takes a slot for a large message in memory, if one is free.
func (g *gate) reserve() (release func(), ok bool) {
	select {
	case g.held <- struct{}{}:
		return func() { <-g.held }, true
	default:
		return nil, false
	}
}

// listener returns a listener that yields admitted connections.
func (g *gate) listener(l net.Listener) net.Listener { return &gatedListener{l, g} }

type gatedListener struct {
	net.Listener

	gate *gate
}

const refusalTimeout = time.Second

// Accept returns the next connection that is admitted. The others get a reply, which always fits into the send buffer
// of a new connection, and are closed.
func (l *gatedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		a := peerOf(c)
		reply := l.gate.admit(a)
		if reply == "" {
			return newBoundedConn(c, l.gate.limits, func() { l.gate.leave(a) }), nil
		}
		_ = c.SetDeadline(deadline(refusalTimeout))
		_, _ = io.WriteString(c, reply)
		_ = c.Close()
	}
}

// boundedConn bounds the bytes that a peer sends and the duration of its connection.
type boundedConn struct {
	net.Conn

	left  int64
	end   time.Time
	leave func()
}

func newBoundedConn(c net.Conn, l Limits, leave func()) *boundedConn {
	return &boundedConn{c, l.ConnectionBytes, deadline(l.ConnectionTime), sync.OnceFunc(leave)}
}

// deadline returns a deadline for the operating system, which does not use the clock of the probes.
func deadline(after time.Duration) time.Time { return time.Now().Add(after) } //nolint:forbidigo // not the probes' time

var errTooMuch = errors.New("the peer sends too much")

// Read reads until the peer has sent as many bytes as it may.
func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooMuch
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// SetReadDeadline sets a deadline, at most the end of the connection.
func (c *boundedConn) SetReadDeadline(t time.Time) error { return c.Conn.SetReadDeadline(c.earlier(t)) }

// SetDeadline sets a deadline, at most the end of the connection.
func (c *boundedConn) SetDeadline(t time.Time) error { return c.Conn.SetDeadline(c.earlier(t)) }

func (c *boundedConn) earlier(t time.Time) time.Time {
	if t.IsZero() || c.end.Before(t) {
		return c.end
	}
	return t
}

// Close closes the connection.
func (c *boundedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
