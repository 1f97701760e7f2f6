// Package httpfetch gets documents by HTTP from servers that third parties name: a certificate names the server of its
// revocation list, a domain that of its MTA-STS policy.
//
// A third party must not be able to misuse the exporter by naming a server. Get therefore follows no redirects, uses no
// proxy, cookies or compression, reads a bounded number of bytes, opens one connection to an address at a time, and
// dials only addresses that the caller allows, which are checked after the look-up.
package httpfetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"m365_connector_exporter/probes"
)

const (
	maxDialled     = 4 // addresses of one host that are tried
	maxHeaderBytes = 64 << 10
	maxErrorText   = 200
	connectTimeout = 10 * time.Second / 3
)

// Network is how servers are reached.
type Network struct {
	LookUp  func(ctx context.Context, host string) ([]netip.Addr, error) // host is a name, never an address
	Allowed func(netip.Addr) bool                                        // reports whether an address may be dialled
}

// Fetcher gets documents. It is safe for concurrent use.
type Fetcher struct{ locks *hostLocks }

// New returns a Fetcher.
func New() *Fetcher { return &Fetcher{newHostLocks()} }

// Request is a request for a document.
type Request struct {
	URL       string
	MaxBytes  int64
	MediaType string         // required of the response, such as "text/plain"; "" accepts any
	Roots     *x509.CertPool // for https; nil means the system's
}

// Get returns the body of a response with status 200. Errors do not contain the URL, and are sanitised.
func (f *Fetcher) Get(ctx context.Context, network Network, r Request) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return nil, errors.New("not an address")
	}
	transport := f.transport(network, r.Roots)
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
		return nil, &transportError{err}
	}
	defer func() { _ = res.Body.Close() }()
	if err := r.accepts(res); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, r.MaxBytes+1))
	switch {
	case err != nil:
		return nil, &transportError{fmt.Errorf("reading: %w", err)}
	case int64(len(body)) > r.MaxBytes:
		return nil, fmt.Errorf("longer than %d bytes", r.MaxBytes)
	}
	return body, nil
}

// accepts returns an error for a response that is not the document.
func (r *Request) accepts(res *http.Response) error {
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %d", res.StatusCode)
	}
	got, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if r.MediaType != "" && (err != nil || got != r.MediaType) {
		shown := probes.Sanitise(res.Header.Get("Content-Type"), maxErrorText)
		return fmt.Errorf("the media type is %q, not %s", shown, r.MediaType)
	}
	return nil
}

// transportError is an error of the connection. It wraps its cause, such as a *tls.CertificateVerificationError.
type transportError struct{ cause error }

func (e *transportError) Error() string { return probes.Sanitise(e.cause.Error(), maxErrorText) }
func (e *transportError) Unwrap() error { return e.cause }

// Unreachable reports whether an error of Get is one of the connection: there was no response, or it was incomplete.
// Its cause may be this host. An invalid certificate is not such an error.
func Unreachable(err error) bool {
	transport, ok := errors.AsType[*transportError](err)
	if !ok {
		return false
	}
	_, answered := errors.AsType[*tls.CertificateVerificationError](transport.cause)
	return !answered
}

func (f *Fetcher) transport(network Network, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, hostPort string) (net.Conn, error) {
			return f.dial(ctx, network, hostPort)
		},
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true, // documents are fetched rarely
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// dial connects to the first address of a host that may be dialled and answers.
func (f *Fetcher) dial(ctx context.Context, network Network, hostPort string) (net.Conn, error) {
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
		if conn, err = f.dialLocked(ctx, netip.AddrPortFrom(a, uint16(port))); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// dialLocked connects to an address once no other connection to it is open. Closing the connection unlocks the address.
func (f *Fetcher) dialLocked(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	unlock, err := f.locks.lock(ctx, addr.Addr())
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
