package lab

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Expectation is what is true of one path of the world: what a watcher must find out.
type Expectation struct {
	Tenant, Connector, Path string
	Outcome                 string // passed | failed | inconclusive; empty for a path that is listed and not probed
	Stage, Reason           string // where and why it does not pass
}

// WorldOptions are the world's settings.
type WorldOptions struct{ Now time.Time }

// World is three tenants with their mail servers.
type World struct {
	ca             *CA
	dns            *DNS
	closers        []func()
	zone           strings.Builder
	yaml           strings.Builder
	expect         []Expectation
	paths          []outboundPath // beside expect, one for one
	now            time.Time
	tenant         string
	hybrid         *Mail
	exchangeOnline *FakeExchangeOnline
	// arriving is what is true of the inbound paths; files are what the configuration names, by their place beside it.
	expectInbound []Expectation
	files         map[string][]byte
	usable        func(host string) bool // whether a server can listen on that loopback address
}

// StartWorld starts everything. Close ends it.
//
// Linux and Windows own all of 127.0.0.0/8, macOS only 127.0.0.1: there, what needs more addresses is left out or uses ::1.
func StartWorld(o WorldOptions) (*World, error) { return startWorld(o, usable) }

// usable tries.
func usable(host string) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0")) //nolint:noctx // loopback
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

func startWorld(o WorldOptions, usable func(string) bool) (*World, error) {
	w := &World{now: o.Now, usable: usable, files: map[string][]byte{}}
	var err error
	if w.ca, err = NewCA(o.Now); err != nil {
		return nil, err
	}
	for _, build := range []func() error{w.startExchangeOnline, w.contoso, w.addInbound, w.fabrikam, w.addInbound, w.tailspin, w.addInbound} {
		if err := build(); err != nil {
			w.Close()
			return nil, err
		}
	}
	if w.dns, err = StartDNS(w.zone.String()); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Expect lists what is true of each path.
func (w *World) Expect() []Expectation { return slices.Concat(w.expect, w.expectInbound) }

// ExchangeOnline returns the fake Exchange Online that all inbound paths lead to.
func (w *World) ExchangeOnline() *FakeExchangeOnline { return w.exchangeOnline }

// Messages are what the healthy hybrid server received.
func (w *World) Messages() []string { return w.hybrid.Messages() }

// Close ends every server.
func (w *World) Close() {
	for _, closer := range w.closers {
		closer()
	}
	if w.dns != nil {
		w.dns.Close()
	}
}

// WriteConfig writes a configuration that watches the world, and the root certificate, into dir.
func (w *World) WriteConfig(dir string) (string, error) {
	root := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(root, w.ca.RootPEM(), 0o600); err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	if err := w.writeFiles(dir); err != nil {
		return "", err
	}
	text := fmt.Sprintf(`# Written by the demo: a world of loopback servers, some of them deliberately broken.
global:
  ca_file: ca.pem
  allow_networks: [127.0.0.0/8, "::1/128"]
  min_gap_per_address: 20ms
  max_concurrent_per_address: 16
  state_file: state.json
  exchange_online_hosts: ["*.%s"]
probe:
  interval: 5s
  timeout: 3s
  hello_name: demo.example
  dns_servers: ["%s"]
tenants:
%s`, exchangeOnlineZone, w.dns.Addr(), w.yaml.String())
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	return file, nil
}

// beginTenant starts a tenant's section.
func (w *World) beginTenant(tenant string) {
	w.tenant = tenant
	fmt.Fprintf(&w.yaml, "  - name: %[1]s\n    accepted_domains:\n      - { domain_name: %[1]s.example, default: true }\n    outbound_connectors:\n", tenant)
}

// outboundPath is one connector of the current tenant with the host behind it.
type outboundPath struct {
	connector     string
	host          string // smart host, or domain where mx
	port          int
	tlsSettings   string // tls_settings
	recipient     string
	extra         string // more YAML lines of the connector
	probe         string // more keys of its probe
	mx            bool
	want          string // outcome
	stage, reason string
	withoutName   bool // do not put the host in DNS
}

func (w *World) add(s outboundPath) {
	if !s.withoutName && net.ParseIP(s.host) == nil && !s.mx {
		fmt.Fprintf(&w.zone, "%s. 60 IN A 127.0.0.1\n", s.host)
	}
	y := &w.yaml
	fmt.Fprintf(y, "      - name: %s\n        connector_type: OnPremises\n", s.connector)
	if s.mx {
		fmt.Fprintf(y, "        use_mx_record: true\n        recipient_domains: [%s]\n", s.host)
	} else {
		domain := s.host // of its own: connectors for one domain would be a finding
		if _, at, ok := strings.Cut(s.recipient, "@"); ok {
			domain = at
		}
		fmt.Fprintf(y, "        use_mx_record: false\n        smart_hosts: [%s]\n        recipient_domains: [%s]\n", s.host, domain)
	}
	if s.tlsSettings != "" {
		fmt.Fprintf(y, "        tls_settings: %s\n", s.tlsSettings)
	}
	if s.tlsSettings == "DomainValidation" {
		fmt.Fprintf(y, "        tls_domain: %s\n", s.host)
	}
	if s.recipient != "" {
		fmt.Fprintf(y, "        validation_recipients: [%s]\n", s.recipient)
	}
	y.WriteString(s.extra)
	fmt.Fprintf(y, "        probe: { port: %d%s }\n", s.port, s.probe)
	w.paths = append(w.paths, s)
	w.expect = append(w.expect, Expectation{w.tenant, s.connector, s.host, s.want, s.stage, s.reason})
}

// leaf issues a certificate for a host, valid from days ago until days ahead.
func (w *World) leaf(from, until int, change func(*Leaf), names ...string) (*tls.Certificate, error) {
	l := Leaf{Names: names, NotBefore: w.now.AddDate(0, 0, from), NotAfter: w.now.AddDate(0, 0, until)}
	if change != nil {
		change(&l)
	}
	certificate, err := w.ca.Issue(l)
	return &certificate, err
}

// mail starts a mail server and returns its port.
func (w *World) mail(o MailOptions) (*Mail, error) {
	m, err := StartMail(o)
	if err == nil {
		w.closers = append(w.closers, m.Close)
	}
	return m, err
}

func (w *World) scripted(s Script) (int, error) {
	server, err := StartScripted(s)
	if err != nil {
		return 0, err
	}
	w.closers = append(w.closers, server.Close)
	return server.Port(), nil
}
