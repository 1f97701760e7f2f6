package crl

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

	"m365_connector_exporter/probes"
)

const (
	maxDialled     = 4 // addresses of one host that are tried
	maxHeaderBytes = 64 << 10
	maxErrorText   = 200
	connectTimeout = fetchTimeout / 3
)

// Network is how the servers of lists are reached.
type Network struct {
	LookUp  func(ctx context.Context, host string) ([]netip.Addr, error) // host is a name, never an address
	Allowed func(netip.Addr) bool                                        // reports whether an address may be dialled
}

// fetch gets a list: no redirect, no proxy, no cookie, no compression, at most maxListBytes.
func (c *Checker) fetch(ctx context.Context, network Network, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("not an address")
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, hostPort string) (net.Conn, error) {
			return c.dial(ctx, network, hostPort)
		},
		DisableKeepAlives:      true, // lists are fetched rarely
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ResponseHeaderTimeout:  fetchTimeout,
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
		return nil, errors.New(probes.Sanitise(err.Error(), maxErrorText))
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %d", res.StatusCode)
	}
	der, err := io.ReadAll(io.LimitReader(res.Body, maxListBytes+1))
	switch {
	case err != nil:
		return nil, errors.New("reading: " + probes.Sanitise(err.Error(), maxErrorText))
	case len(der) > maxListBytes:
		return nil, fmt.Errorf("longer than %d bytes", maxListBytes)
	}
	return der, nil
}

// dial connects to the first address of a host that may be dialled and answers.
func (c *Checker) dial(ctx context.Context, network Network, hostPort string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q is not a number up to 65535", service)
	}
	var addrs []netip.Addr
	if addr, bad := netip.ParseAddr(host); bad == nil {
		addrs = []netip.Addr{addr.Unmap()}
	} else if addrs, err = network.LookUp(ctx, host); err != nil {
		return nil, err
	}
	err = errors.New("no address")
	for _, a := range addrs[:min(len(addrs), maxDialled)] {
		if !network.Allowed(a) {
			err = fmt.Errorf("%s is not in allow_networks", a)
			continue
		}
		var conn net.Conn
		if conn, err = c.dialLocked(ctx, netip.AddrPortFrom(a, uint16(port))); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// dialLocked connects to an address once no other connection to it is open. Closing the connection unlocks the address.
func (c *Checker) dialLocked(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	unlock, err := c.locks.lock(ctx, addr.Addr())
	if err != nil {
		return nil, err
	}
	d := net.Dialer{FallbackDelay: -1, Timeout: connectTimeout}
	conn, err := d.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		unlock()
		return nil, err
	}
	return &lockedConn{conn, unlock}, nil
}
