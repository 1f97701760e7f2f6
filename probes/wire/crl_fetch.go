package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync"

	"m365_connector_exporter/probes"
)

// crlFetcher gets lists from where certificates say they are. The certificates are strangers': their lists' hosts are looked up
// with the path's DNS servers and must not lead into our own networks.
type crlFetcher struct {
	resolver *resolver
	turns    *turns
}

// fetch gets one list: no redirect, no proxy, no cookie, no compression, crlSize bytes at most.
func (f crlFetcher) fetch(ctx context.Context, p *probes.Path, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("its address is none")
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, hostPort string) (net.Conn, error) { return f.dial(ctx, p, hostPort) },
		// A list is rarely fetched, and from a stranger: nothing is kept.
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10, ResponseHeaderTimeout: crlTimeout,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err // without the address, which the caller names
		}
		return nil, errors.New(probes.Sanitise(err.Error(), 200))
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("its server answers %d", res.StatusCode)
	}
	der, err := io.ReadAll(io.LimitReader(res.Body, crlSize+1))
	switch {
	case err != nil:
		return nil, errors.New("reading: " + probes.Sanitise(err.Error(), 200))
	case len(der) > crlSize:
		return nil, fmt.Errorf("it is longer than %d bytes", crlSize)
	}
	return der, nil
}

// dial connects to the first address of a list's host that may be dialled and answers.
func (f crlFetcher) dial(ctx context.Context, p *probes.Path, hostPort string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, errors.New("its port is none")
	}
	named := *p
	named.Settings.ConnectTo = nil // of the mail server, not of this host
	addrs, err := f.resolver.hostAddrs(ctx, &named, host)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	for _, a := range addrs[:min(len(addrs), 4)] {
		if !f.resolver.allowed(a, &named, true) {
			err = fmt.Errorf("%s is not in allow_networks", a)
			continue
		}
		if conn, err = f.turns.dial(ctx, netip.AddrPortFrom(a, uint16(port))); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// turns lets one connection at a time go to one address. It is not the probes' gate: a probe holds a place there while it waits for
// a list, and the last place, or that of an address which serves mail and lists, would never become free.
type turns struct {
	mu    sync.Mutex
	taken map[netip.Addr]chan struct{} // closed when the turn ends; as many as there are fetches
}

// take waits for the turn at an address; give ends it.
func (t *turns) take(ctx context.Context, addr netip.Addr) (give func(), err error) {
	for {
		t.mu.Lock()
		ends, busy := t.taken[addr]
		if !busy {
			ends = make(chan struct{})
			t.taken[addr] = ends
		}
		t.mu.Unlock()
		if !busy {
			return sync.OnceFunc(func() { t.end(addr, ends) }), nil
		}
		select {
		case <-ends:
		case <-ctx.Done():
			return nil, fmt.Errorf("while waiting for its turn: %w", ctx.Err())
		}
	}
}

func (t *turns) end(addr netip.Addr, ends chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.taken, addr)
	close(ends)
}

// dial connects in turn; closing the connection ends the turn.
func (t *turns) dial(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
	give, err := t.take(ctx, at.Addr())
	if err != nil {
		return nil, err
	}
	d := net.Dialer{FallbackDelay: -1, Timeout: crlTimeout / 3}
	conn, err := d.DialContext(ctx, "tcp", at.String())
	if err != nil {
		give()
		return nil, err
	}
	return &turnConn{conn, give}, nil
}

// turnConn holds a turn until it is closed.
type turnConn struct {
	net.Conn

	give func()
}

// Close closes the connection and ends the turn.
func (c *turnConn) Close() error {
	defer c.give()
	return c.Conn.Close()
}

// hostAddrs looks up the addresses of a host.
func (r *resolver) hostAddrs(ctx context.Context, p *probes.Path, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	found := r.dns.Host(ctx, host, queryOf(p))
	if found.Step.Outcome != probes.Passed {
		return nil, fmt.Errorf("%s: %s", found.Host, found.Step.Reason)
	}
	return found.Addrs, nil
}
