package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// FakeTenant is a tenant of a FakeExchangeOnline.
type FakeTenant struct {
	Name       string
	Domains    []string // accepted, lower case
	Connectors []FakeConnector

	// For [RelayOptions] only:
	ID        string         // a GUID
	Outbound  []FakeOutbound // outbound connectors
	Mailboxes []string       // addresses that have a mailbox, lower case
}

// FakeConnector is an inbound connector of type OnPremises. It matches a certificate with a name (exact, or *.domain),
// or addresses.
type FakeConnector struct {
	Name        string
	Certificate string
	Addresses   []netip.Prefix
	// Unverified makes the connector accept the name in a certificate that no authority has issued.
	Unverified bool
}

// FakeExchangeOnlineOptions describe a FakeExchangeOnline.
type FakeExchangeOnlineOptions struct {
	Addr        string // "127.0.0.1:0" when empty
	Certificate tls.Certificate
	ClientRoots *x509.CertPool // an unverified client certificate counts as none
	Tenants     []FakeTenant
	Relay       *RelayOptions // nil: messages are accepted and discarded
}

// FakeExchangeOnline is a mail server that attributes each recipient to a tenant, in the order that Microsoft
// documents (MC1226222): by the domain of the client certificate, by the domain of MAIL FROM, by the domain of RCPT
// TO. It is implemented independently of the exporter's simulation, so that tests can compare them.
type FakeExchangeOnline struct {
	options  FakeExchangeOnlineOptions
	server   *smtp.Server
	listener net.Listener
	serving  sync.WaitGroup
	relay    *relay // nil unless it is wanted

	mu        sync.Mutex
	decisions []Decision // the newest maxKept
}

// Decision is how the server attributed one recipient.
type Decision struct {
	Names            []string // of the client certificate, if it was verified
	From, To         string
	Tenant, Basis    string // ground: certificate, mail_from, rcpt_to or none
	Accepted, Relays bool
}

// StartFakeExchangeOnline starts the server.
func StartFakeExchangeOnline(o FakeExchangeOnlineOptions) (*FakeExchangeOnline, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	listener, err := listen(o.Addr)
	if err != nil {
		return nil, err
	}
	d := &FakeExchangeOnline{options: o, listener: listener}
	if o.Relay != nil {
		d.relay = newRelay(*o.Relay, o.Tenants)
	}
	d.server = smtp.NewServer(d)
	d.server.Domain = "exchange-online.lab.example"
	d.server.ReadTimeout, d.server.WriteTimeout = 30*time.Second, 30*time.Second
	d.server.MaxMessageBytes, d.server.MaxRecipients, d.server.MaxLineLength = 1<<20, 100, 2000
	d.server.ErrorLog = log.New(io.Discard, "", 0)
	d.server.TLSConfig = &tls.Config{
		// Requested, not required, and verified below: Exchange Online accepts certificates without the usage
		// clientAuth.
		Certificates: []tls.Certificate{o.Certificate},
		MinVersion:   tls.VersionTLS12,
		ClientAuth:   tls.RequestClientCert,
	}
	d.serving.Go(func() { _ = d.server.Serve(listener) }) // ends with Close
	return d, nil
}

// Port returns the TCP port that it listens on.
func (d *FakeExchangeOnline) Port() int { return port(d.listener) }

// Decisions returns the newest decisions, at most 100.
func (d *FakeExchangeOnline) Decisions() []Decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.decisions)
}

// Close stops the server and its connections, and waits for them.
func (d *FakeExchangeOnline) Close() {
	_ = d.listener.Close()
	d.serving.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = d.server.Shutdown(ctx)
	if d.relay != nil {
		d.relay.close()
	}
}

// NewSession implements [smtp.Backend]. It is called at each EHLO, so again after STARTTLS.
func (d *FakeExchangeOnline) NewSession(c *smtp.Conn) (smtp.Session, error) {
	s := &session{server: d, helo: c.Hostname()}
	if peer, err := netip.ParseAddrPort(c.Conn().RemoteAddr().String()); err == nil {
		s.address = peer.Addr().Unmap()
	}
	if state, encrypted := c.TLSConnectionState(); encrypted {
		s.tls = &state
		s.names, s.claimed = d.verifiedNames(state.PeerCertificates), namesOf(state.PeerCertificates)
	}
	return s, nil
}

// verifiedNames returns the common name and the subject alternative names of a chain that ends at a trusted root.
func (d *FakeExchangeOnline) verifiedNames(chain []*x509.Certificate) []string {
	if len(chain) == 0 {
		return nil
	}
	sent := x509.NewCertPool()
	for _, c := range chain[1:] {
		sent.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: d.options.ClientRoots, Intermediates: sent, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil
	}
	return namesOf(chain)
}

// namesOf returns the common name and the subject alternative names of a leaf. The issuer does not matter.
func namesOf(chain []*x509.Certificate) []string {
	if len(chain) == 0 {
		return nil
	}
	return append([]string{strings.ToLower(chain[0].Subject.CommonName)}, chain[0].DNSNames...)
}

// session is one SMTP session.
type session struct {
	server  *FakeExchangeOnline
	address netip.Addr
	names   []string // of a client certificate that was verified
	claimed []string // of any client certificate
	helo    string
	tls     *tls.ConnectionState // nil without STARTTLS
	from    string
	to      []Decision // accepted recipients
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }
func (s *session) Reset()                                      { s.from, s.to = "", nil }
func (s *session) Logout() error                               { return nil }

// Data discards the message or hands it to the relay, once for each recipient.
func (s *session) Data(r io.Reader) error {
	if s.server.relay == nil {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, decision := range s.to {
		m := relayed{
			decision: decision, from: s.from, to: decision.To, body: body, helo: s.helo, address: s.address, tls: s.tls,
			origin: originOf(decision),
		}
		if err := s.server.relay.enqueue(m); err != nil {
			return err
		}
	}
	return nil
}

// Rcpt attributes the message and accepts or refuses the recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	decision := s.attribute(to)
	s.server.mu.Lock()
	s.server.decisions = appendBounded(s.server.decisions, decision)
	s.server.mu.Unlock()
	if decision.Accepted {
		s.to = append(s.to, decision)
		return nil
	}
	return &smtp.SMTPError{
		Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 64},
		Message: fmt.Sprintf("TenantAttribution; Relay Access Denied [%s]", s.server.server.Domain),
	}
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(strings.ToLower(address), "@")
	return domain
}

// candidates are the tenants that each criterion leads to, "" for none.
type candidates struct {
	certificate, mailFrom, rcptTo string
	matched                       map[string]bool // tenants with a connector that matches the session
}

func (s *session) attribute(to string) Decision {
	c := s.candidates(to)
	d := Decision{Names: s.names, From: s.from, To: to, Basis: "none"}
	switch {
	case c.certificate != "":
		d.Tenant, d.Basis = c.certificate, "certificate"
	case c.mailFrom != "":
		d.Tenant, d.Basis = c.mailFrom, "mail_from"
	case c.rcptTo != "":
		d.Tenant, d.Basis = c.rcptTo, "rcpt_to"
	}
	d.Relays = c.matched[d.Tenant] && (d.Basis == "certificate" || c.mailFrom == d.Tenant)
	d.Accepted = d.Relays || d.Tenant != "" && c.rcptTo == d.Tenant
	return d
}

func (s *session) candidates(to string) candidates {
	c := candidates{matched: map[string]bool{}}
	for _, t := range s.server.options.Tenants {
		for _, connector := range t.Connectors {
			name := s.presentedName(connector)
			byAddress := connector.Certificate == "" && contains(connector.Addresses, s.address)
			if name == "" && !byAddress {
				continue
			}
			c.matched[t.Name] = true
			if name != "" && t.accepts(name) {
				c.certificate = t.Name
			}
		}
		if slices.Contains(t.Domains, domainOf(s.from)) && c.matched[t.Name] {
			c.mailFrom = t.Name
		}
		if slices.Contains(t.Domains, domainOf(to)) {
			c.rcptTo = t.Name
		}
	}
	return c
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(address) })
}

// presentedName returns the name in the client certificate that a connector's certificate name matches, "" if none
// does.
func (s *session) presentedName(c FakeConnector) string {
	value, names := c.Certificate, s.names
	if c.Unverified {
		names = s.claimed
	}
	parent, wild := strings.CutPrefix(value, "*")
	for _, name := range names {
		if value != "" && (name == value || wild && strings.HasSuffix(name, parent)) {
			return name
		}
	}
	return ""
}

// accepts reports whether a certificate's name is an accepted domain, its wildcard or a host directly below it.
func (t FakeTenant) accepts(name string) bool {
	_, parent, _ := strings.Cut(name, ".")
	return slices.Contains(t.Domains, name) || slices.Contains(t.Domains, parent)
}
