package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/certificate/crl"
	"m365_connector_exporter/probes/dnsclient"
)

// MessageBudget says whether a test message is due. Take reserves it: after true the next one is minInterval away; next says when.
type MessageBudget interface {
	Take(key string, minInterval time.Duration) (ok bool, next time.Time)
}

// Options is what all probes of a Prober share.
type Options struct {
	Roots               *x509.CertPool // nil = the system's
	AllowNetworks       []netip.Prefix // dialled although they are special
	ExchangeOnlineHosts []string       // more host patterns taken for Exchange Online
	CheckRevocation     bool           // ask the issuers' revocation lists
	Limiter             probes.Limiter // nil = probes.Unlimited
	Now                 func() time.Time
	SystemDNS           []string      // host:port; empty = the system's
	Messages            MessageBudget // nil = no message is ever due
	Version             string        // named in the test message
	// ClientCertificate is what the sender of an inbound path presents, with its key; nil or none: nothing is presented.
	ClientCertificate func(probes.PathID) *tls.Certificate
}

// Prober probes paths. It is safe for concurrent use.
type Prober struct {
	opts         Options
	resolver     *resolver
	certificates *certificate.Verifier
	suites       cipherSuites
	revocation   *crl.Checker
	refused      *refusedMessages
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
		opts: o, certificates: certificate.NewVerifier(o.Roots), suites: newCipherSuites(), refused: newRefusedMessages(),
		revocation: crl.New(o.Now),
		dial: func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
			return d.DialContext(ctx, network, address)
		},
		resolver: newResolver(dnsclient.New(o.SystemDNS), o.AllowNetworks, o.ExchangeOnlineHosts),
	}
}

// With returns a Prober with other options that knows what this one has learned: revocation lists, the turns of paths at hosts with
// many addresses, which DNS servers answer, which messages were refused. Verdicts belong to a pool of roots and are judged anew.
func (w *Prober) With(o Options) *Prober {
	next := New(o)
	next.revocation = w.revocation
	next.resolver.dns = w.resolver.dns.WithSystemServers(o.SystemDNS)
	next.resolver.rotation, next.refused = w.resolver.rotation, w.refused
	return next
}

// Probe probes every endpoint of p once.
func (w *Prober) Probe(ctx context.Context, p *probes.Path) *probes.Result {
	started, start := w.opts.Now(), time.Now()
	endpoints, notes := w.climbAll(ctx, p)
	return &probes.Result{Path: p.ID, Until: p.Settings.Until, Started: started, Duration: time.Since(start), Endpoints: endpoints, Hints: notes}
}

func (w *Prober) climbAll(ctx context.Context, p *probes.Path) ([]probes.Endpoint, []string) {
	targets, notes := w.resolver.resolveHop(ctx, p)
	if p.Hint != "" {
		notes = append(notes, p.Hint)
	}
	endpoints := endpointsOf(targets, p.Settings.Port)
	turn := w.refused.turn(p, endpoints)
	climb := func(i int) { (&climb{w: w, path: p, ep: &endpoints[i], turn: turn}).run(ctx) }
	var wg sync.WaitGroup
	for i := 1; i < len(endpoints); i++ { // MaxEndpoints at most; the first is climbed here
		wg.Go(func() { climb(i) })
	}
	if len(endpoints) > 0 {
		climb(0)
	}
	wg.Wait()
	return endpoints, notes
}

// endpointsOf makes an endpoint of each address, and one of each host that has none.
func endpointsOf(targets []target, port uint16) []probes.Endpoint {
	n := 0
	for i := range targets {
		n += max(1, len(targets[i].Addrs))
	}
	endpoints := make([]probes.Endpoint, n) // limit has seen to it that they are not too many
	for i, rest := 0, endpoints; i < len(targets); i++ {
		t := &targets[i]
		own := rest[:max(1, len(t.Addrs))]
		for k := range own {
			own[k].Host, own[k].HideAddress, own[k].Steps[probes.Resolve] = t.Host, t.hide, t.Step
			if len(t.Addrs) > 0 {
				own[k].Addr = netip.AddrPortFrom(t.Addrs[k], port)
			}
		}
		rest = rest[len(own):]
	}
	return endpoints
}

// run climbs, and turns a panic of ours into a result: one bad endpoint must not end the daemon.
func (c *climb) run(ctx context.Context) {
	defer func() {
		if r := recover(); r != nil {
			c.ep.Steps[c.stage] = *c.fail(probes.ReasonInternalError, fmt.Sprintf("panic: %v", r))
		}
		c.hangUp()
		c.ep.Transcript = c.log.lines
	}()
	if c.ep.Steps[probes.Resolve].Outcome != probes.Passed || !c.ep.Addr.IsValid() || c.path.Settings.Until == probes.Resolve {
		return
	}
	c.climb(ctx)
}

// MX returns the MX hosts of a domain: see [dnsclient.Client.MX].
func (w *Prober) MX(ctx context.Context, domain string, servers []string) (hosts []string, ok bool) {
	return w.resolver.dns.MX(ctx, domain, servers)
}
