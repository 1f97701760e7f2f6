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

// DoorTenant is a tenant as the front door knows it.
type DoorTenant struct {
	Name       string
	Domains    []string // accepted, lower case
	Connectors []DoorConnector
}

// DoorConnector is an inbound connector of type OnPremises: by certificate name (exact, or *.domain) or by address.
type DoorConnector struct {
	Name        string
	Certificate string
	Addresses   []netip.Prefix
}

// DoorOptions describe a front door.
type DoorOptions struct {
	Addr        string // "127.0.0.1:0" when empty
	Certificate tls.Certificate
	ClientRoots *x509.CertPool // a client certificate that does not verify here counts as none
	Tenants     []DoorTenant
}

// FrontDoor is a mail server that attributes each recipient as Exchange Online documents it (MC1226222): by the domain on the client
// certificate, by the domain of MAIL FROM, by the domain of RCPT TO. It is written apart from the exporter's simulator, so that
// one can be held against the other.
type FrontDoor struct {
	options  DoorOptions
	server   *smtp.Server
	listener net.Listener
	serving  sync.WaitGroup

	mu        sync.Mutex
	decisions []Decision // the newest maxKept
}

// Decision is what the door made of one recipient.
type Decision struct {
	Names            []string // of a client certificate that verified
	From, To         string
	Tenant, Ground   string // ground: certificate, mail_from, rcpt_to or none
	Accepted, Relays bool
}

// StartFrontDoor starts a front door.
func StartFrontDoor(o DoorOptions) (*FrontDoor, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	listener, err := listen(o.Addr)
	if err != nil {
		return nil, err
	}
	d := &FrontDoor{options: o, listener: listener}
	d.server = smtp.NewServer(d)
	d.server.Domain = "frontdoor.lab.example"
	d.server.ReadTimeout, d.server.WriteTimeout = 30*time.Second, 30*time.Second
	d.server.MaxMessageBytes, d.server.MaxRecipients, d.server.MaxLineLength = 1<<20, 100, 2000
	d.server.ErrorLog = log.New(io.Discard, "", 0)
	d.server.TLSConfig = &tls.Config{
		// Asked for, never demanded, and verified below: Exchange Online takes certificates without the usage clientAuth.
		Certificates: []tls.Certificate{o.Certificate}, MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert,
	}
	d.serving.Go(func() { _ = d.server.Serve(listener) }) // ends with Close
	return d, nil
}

// Port is the TCP port it listens on.
func (d *FrontDoor) Port() int { return port(d.listener) }

// Decisions are the newest decisions, 100 at most.
func (d *FrontDoor) Decisions() []Decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.decisions)
}

// Close stops the server and its connections, and waits for them.
func (d *FrontDoor) Close() {
	_ = d.listener.Close()
	d.serving.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = d.server.Shutdown(ctx)
}

// NewSession is called by go-smtp at each EHLO, over TLS again.
func (d *FrontDoor) NewSession(c *smtp.Conn) (smtp.Session, error) {
	v := &caller{door: d}
	if peer, err := netip.ParseAddrPort(c.Conn().RemoteAddr().String()); err == nil {
		v.address = peer.Addr().Unmap()
	}
	if state, encrypted := c.TLSConnectionState(); encrypted {
		v.names = d.verified(state.PeerCertificates)
	}
	return v, nil
}

// verified are the names of a chain that ends at a trusted root, the leaf's CN and SAN.
func (d *FrontDoor) verified(chain []*x509.Certificate) []string {
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
	return append([]string{strings.ToLower(chain[0].Subject.CommonName)}, chain[0].DNSNames...)
}

// caller is one session at the door.
type caller struct {
	door    *FrontDoor
	address netip.Addr
	names   []string
	from    string
}

func (v *caller) Mail(from string, _ *smtp.MailOptions) error { v.from = from; return nil }
func (v *caller) Data(r io.Reader) error                      { _, err := io.Copy(io.Discard, r); return err }
func (v *caller) Reset()                                      { v.from = "" }
func (v *caller) Logout() error                               { return nil }

// Rcpt attributes and then says whether the recipient is accepted.
func (v *caller) Rcpt(to string, _ *smtp.RcptOptions) error {
	decision := v.attribute(to)
	v.door.mu.Lock()
	v.door.decisions = keep(v.door.decisions, decision)
	v.door.mu.Unlock()
	if decision.Accepted {
		return nil
	}
	return &smtp.SMTPError{
		Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 64},
		Message: fmt.Sprintf("TenantAttribution; Relay Access Denied [%s]", v.door.server.Domain),
	}
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(strings.ToLower(address), "@")
	return domain
}

func (v *caller) attribute(to string) Decision {
	d := Decision{Names: v.names, From: v.from, To: to, Ground: "none"}
	byCertificate, byMailFrom, byRcptTo := "", "", ""
	matched, registered := map[string]bool{}, false
	for _, t := range v.door.options.Tenants {
		for _, c := range t.Connectors {
			name := v.presents(c.Certificate)
			byAddress := c.Certificate == "" && slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Contains(v.address) })
			if name == "" && !byAddress {
				continue
			}
			matched[t.Name] = true
			if name != "" && t.registers(name) {
				byCertificate, registered = t.Name, true
			}
		}
		if slices.Contains(t.Domains, domainOf(v.from)) && matched[t.Name] {
			byMailFrom = t.Name
		}
		if slices.Contains(t.Domains, domainOf(to)) {
			byRcptTo = t.Name
		}
	}
	switch {
	case byCertificate != "":
		d.Tenant, d.Ground = byCertificate, "certificate"
	case byMailFrom != "":
		d.Tenant, d.Ground = byMailFrom, "mail_from"
	case byRcptTo != "":
		d.Tenant, d.Ground = byRcptTo, "rcpt_to"
	}
	d.Relays = matched[d.Tenant] && (registered && d.Ground == "certificate" || byMailFrom == d.Tenant && d.Tenant != "")
	d.Accepted = d.Relays || byRcptTo != "" && byRcptTo == d.Tenant
	return d
}

// presents returns the name on the client certificate that a connector's value covers.
func (v *caller) presents(value string) string {
	parent, wild := strings.CutPrefix(value, "*")
	for _, name := range v.names {
		if value != "" && (name == value || wild && strings.HasSuffix(name, parent)) {
			return name
		}
	}
	return ""
}

// registers tells whether a certificate's domain is an accepted one: the domain itself, its wildcard, or a host right below.
func (t DoorTenant) registers(name string) bool {
	_, parent, _ := strings.Cut(name, ".")
	return slices.Contains(t.Domains, name) || slices.Contains(t.Domains, parent)
}
