package smtpprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"sync"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/certificate/crl"
	"m365_connector_exporter/probes/dnsclient"
)

// MessageBudget decides whether a test message is due. If Take returns true, the message counts as sent, and the next
// one is due after minInterval; otherwise next is when it is due. An error means that the message cannot be recorded,
// and therefore must not be sent.
type MessageBudget interface {
	Take(key string, minInterval time.Duration) (ok bool, next time.Time, err error)
}

// Options apply to all probes of a Prober.
type Options struct {
	Roots               *x509.CertPool      // nil means the system's
	TrustStores         []certificate.Store // other stores against which chains are verified
	AllowNetworks       []netip.Prefix      // may be dialled although they are special-purpose or private
	ExchangeOnlineHosts []string            // additional host patterns of Exchange Online
	CheckRevocation     bool                // check the issuers' revocation lists
	Limiter             probes.Limiter      // nil means probes.Unlimited
	Now                 func() time.Time
	SystemDNS           []string      // host:port; none means the system's
	Messages            MessageBudget // nil means that no message is ever due
	Version             string        // named in the test message
	// ClientCertificate returns the certificate that the sender of an inbound path presents, with its key. If it is nil
	// or returns nil, no certificate is presented.
	ClientCertificate func(probes.PathID) *tls.Certificate
}

// Prober probes paths. It is safe for concurrent use.
type Prober struct {
	opts         Options
	dns          *dnsclient.Client
	guard        dialGuard
	rotation     *rotation
	certificates *certificate.Verifier
	revocation   *crl.Checker
	messages     *sentMessages
	dial         func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error)
}

var _ probes.Prober = (*Prober)(nil)

// New returns a Prober.
func New(o Options) *Prober {
	if o.Limiter == nil {
		o.Limiter = probes.Unlimited{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Prober{
		opts: o, dns: dnsclient.New(o.SystemDNS), guard: dialGuard{o.AllowNetworks}, rotation: newRotation(),
		certificates: certificate.NewVerifier(o.Roots, o.TrustStores...), revocation: crl.New(o.Now),
		messages: newSentMessages(),
		dial: func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
			return d.DialContext(ctx, network, address)
		},
	}
}

// WithOptions returns a Prober with other options that keeps the state of p: cached revocation lists, which DNS servers
// answer, which address of a host is next, the outcomes of test messages. Verified chains are kept if the roots and the
// trust stores are the same.
func (p *Prober) WithOptions(o Options) *Prober {
	sameRoots := p.opts.Roots.Equal(o.Roots)
	if sameRoots {
		o.Roots = p.opts.Roots // probes of p may run for long: keep one copy in memory, not one for each reload
	}
	next := New(o)
	if sameRoots && certificate.EqualStores(p.opts.TrustStores, o.TrustStores) {
		next.certificates = p.certificates
	}
	next.dns = p.dns.WithSystemServers(o.SystemDNS)
	next.rotation, next.revocation, next.messages = p.rotation, p.revocation, p.messages
	return next
}

// Probe probes every endpoint of a path once.
func (p *Prober) Probe(ctx context.Context, path *probes.Path) *probes.Result {
	started, start := p.opts.Now(), time.Now()
	endpoints, hints := p.probeEndpoints(ctx, path)
	return &probes.Result{
		Path: path.ID, Until: path.Settings.Until, Started: started, Duration: time.Since(start),
		Endpoints: endpoints, Hints: hints,
	}
}

// MX returns the MX hosts of a domain: see [dnsclient.Client.MX].
func (p *Prober) MX(ctx context.Context, domain string, servers []string) (hosts []string, ok bool) {
	return p.dns.MX(ctx, domain, servers)
}

// TXT returns the TXT records of a name: see [dnsclient.Client.TXT].
func (p *Prober) TXT(ctx context.Context, name string, servers []string) (records []string, step probes.Step) {
	return p.dns.TXT(ctx, name, servers)
}

// Roots returns the roots that are trusted; nil means the system's.
func (p *Prober) Roots() *x509.CertPool { return p.opts.Roots }

func (p *Prober) probeEndpoints(ctx context.Context, path *probes.Path) ([]probes.Endpoint, []string) {
	endpoints, security, hints := p.resolve(ctx, path)
	if path.Hint != "" {
		hints = append(hints, path.Hint)
	}
	slot := p.messages.newSlot(path, endpoints)
	sessions := make([]session, len(endpoints))
	run := func(i int) {
		sessions[i] = session{prober: p, path: path, endpoint: &endpoints[i], slot: slot}
		sessions[i].run(ctx)
	}
	var wg sync.WaitGroup
	for i := 1; i < len(endpoints); i++ {
		wg.Go(func() { run(i) })
	}
	if len(endpoints) > 0 { // the first, of most paths the only one, needs no goroutine
		run(0)
	}
	wg.Wait()
	noteRefusedIPv6(endpoints)
	if path.DANE {
		p.recordDANE(ctx, path, sessions, security)
	}
	return endpoints, hints
}
