package lab

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
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
	ca      *CA
	dns     *DNS
	closers []func()
	zone    strings.Builder
	yaml    strings.Builder
	expect  []Expectation
	now     time.Time
	tenant  string
	hybrid  *Mail
}

// StartWorld starts everything. Close ends it.
func StartWorld(o WorldOptions) (*World, error) {
	w := &World{now: o.Now}
	var err error
	if w.ca, err = NewCA(o.Now); err != nil {
		return nil, err
	}
	for _, build := range []func() error{w.contoso, w.fabrikam, w.tailspin} {
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
func (w *World) Expect() []Expectation { return w.expect }

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
	text := fmt.Sprintf(`# Written by the demo: a world of loopback servers, some of them sick on purpose.
global:
  ca_file: ca.pem
  allow_networks: [127.0.0.0/8]
  min_gap_per_address: 20ms
  max_concurrent_per_address: 16
  state_file: state.json
probe:
  interval: 5s
  timeout: 3s
  hello_name: demo.example
  dns_servers: ["%s"]
tenants:
%s`, w.dns.Addr(), w.yaml.String())
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	return file, nil
}

// begin starts a tenant's section.
func (w *World) begin(tenant string) {
	w.tenant = tenant
	fmt.Fprintf(&w.yaml, "  - name: %[1]s\n    accepted_domains:\n      - { domain_name: %[1]s.example, default: true }\n    outbound_connectors:\n", tenant)
}

// site is one connector of the current tenant with the host behind it.
type site struct {
	connector   string
	host        string // smart host, or domain where mx
	port        int
	settings    string // tls_settings
	recipient   string
	extra       string // more YAML lines of the connector
	probe       string // more keys of its probe
	mx          bool
	want        string // outcome
	stage, why  string
	withoutName bool // do not put the host in DNS
}

func (w *World) add(s site) {
	if !s.withoutName && net.ParseIP(s.host) == nil && !s.mx {
		fmt.Fprintf(&w.zone, "%s. 60 IN A 127.0.0.1\n", s.host)
	}
	y := &w.yaml
	fmt.Fprintf(y, "      - name: %s\n        connector_type: OnPremises\n", s.connector)
	if s.mx {
		fmt.Fprintf(y, "        use_mx_record: true\n        recipient_domains: [%s]\n", s.host)
	} else {
		fmt.Fprintf(y, "        use_mx_record: false\n        smart_hosts: [%s]\n        recipient_domains: [%s.example]\n", s.host, w.tenant)
	}
	if s.settings != "" {
		fmt.Fprintf(y, "        tls_settings: %s\n", s.settings)
	}
	if s.settings == "DomainValidation" {
		fmt.Fprintf(y, "        tls_domain: %s\n", s.host)
	}
	if s.recipient != "" {
		fmt.Fprintf(y, "        validation_recipients: [%s]\n", s.recipient)
	}
	y.WriteString(s.extra)
	fmt.Fprintf(y, "        probe: { port: %d%s }\n", s.port, s.probe)
	w.expect = append(w.expect, Expectation{w.tenant, s.connector, s.host, s.want, s.stage, s.why})
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

// contoso is healthy, but for one address of three.
func (w *World) contoso() error {
	w.begin("contoso")
	cert, err := w.leaf(-30, 170, nil, "mail.contoso.example", "mx1.contoso.example", "mx2.contoso.example")
	if err != nil {
		return err
	}
	if w.hybrid, err = w.mail(MailOptions{Certificate: cert}); err != nil {
		return err
	}
	port := w.hybrid.Port()
	second, err := w.mail(MailOptions{Addr: fmt.Sprintf("127.0.0.2:%d", port), Certificate: cert})
	if err != nil {
		return err
	}
	w.add(site{connector: "To on-premises", host: "mail.contoso.example", port: port, settings: "DomainValidation", recipient: "probe@contoso.example", want: "passed"})
	w.add(site{connector: "By MX", host: "contoso.example", port: second.Port(), settings: "CertificateValidation", mx: true, want: "passed"})
	fmt.Fprintf(&w.zone, "contoso.example. 60 IN MX 10 mx1.contoso.example.\ncontoso.example. 60 IN MX 20 mx2.contoso.example.\n"+
		"mx1.contoso.example. 60 IN A 127.0.0.1\nmx2.contoso.example. 60 IN A 127.0.0.2\n")
	w.add(site{
		connector: "One bad address of three", host: "cluster.contoso.example", port: port,
		want: "failed", stage: "connect", why: "connect_refused",
	})
	fmt.Fprint(&w.zone, "cluster.contoso.example. 60 IN A 127.0.0.2\ncluster.contoso.example. 60 IN A 127.0.0.3\n")
	w.add(site{
		connector: "Test message", host: "test.contoso.example", port: port, settings: "EncryptionOnly",
		recipient: "probe@contoso.example", probe: ", until: message, message_min_interval: 5m", want: "passed",
	})
	w.add(site{connector: "Turned off", host: "old.contoso.example", port: port, extra: "        enabled: false\n"})
	w.add(site{connector: "In test mode", host: "new.contoso.example", port: port, extra: "        test_mode: true\n"})
	return nil
}

// fabrikam has every trouble with certificates.
func (w *World) fabrikam() error {
	w.begin("fabrikam")
	tests := []struct {
		connector, host string
		from, until     int
		change          func(*Leaf)
		want, why       string
	}{
		{"Healthy certificate", "good.fabrikam.example", -10, 80, nil, "passed", ""},
		{"Expires in five days", "expiring.fabrikam.example", -85, 5, nil, "passed", ""},
		{"Expired certificate", "expired.fabrikam.example", -90, -1, nil, "failed", "certificate_expired"},
		{"Not yet valid", "early.fabrikam.example", 2, 90, nil, "failed", "certificate_not_yet_valid"},
		{"Wrong name", "wrong.fabrikam.example", -10, 80, func(l *Leaf) { l.Names = []string{"other.example"} }, "failed", "certificate_name_mismatch"},
		{"Missing intermediate", "chain.fabrikam.example", -10, 80, func(l *Leaf) { l.OmitIntermediate = true }, "failed", "certificate_chain_incomplete"},
		{"Self-signed", "self.fabrikam.example", -10, 80, func(l *Leaf) { l.SelfSigned = true }, "failed", "certificate_untrusted"},
	}
	for _, t := range tests {
		cert, err := w.leaf(t.from, t.until, t.change, t.host)
		if err != nil {
			return err
		}
		server, err := w.mail(MailOptions{Certificate: cert})
		if err != nil {
			return err
		}
		s := site{connector: t.connector, host: t.host, port: server.Port(), settings: "DomainValidation", want: t.want, why: t.why}
		if t.why != "" {
			s.stage = "tls"
		}
		w.add(s)
	}
	return nil
}

// busyHost is an address of its own for the server that says 421: a polite prober then backs off from the whole address.
const busyHost = "127.0.0.9"

// tailspin has every trouble with DNS, the network and SMTP.
func (w *World) tailspin() error {
	w.begin("tailspin")
	refused, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	closed := refused.Addr().(*net.TCPAddr).Port //nolint:errcheck,forcetypeassert // it listens on TCP
	_ = refused.Close()
	w.add(site{connector: "Retired server", host: "retired.tailspin.example", port: closed, want: "failed", stage: "connect", why: "connect_refused"})
	w.add(site{connector: "Typing error", host: "mial.tailspin.example", port: closed, withoutName: true, want: "failed", stage: "resolve", why: "nxdomain"})
	w.add(site{connector: "Broken zone", host: "servfail-zone.tailspin.example", port: closed, withoutName: true, want: "failed", stage: "resolve", why: "dns_servfail"})
	w.add(site{connector: "Null MX", host: "null.tailspin.example", port: closed, mx: true, want: "failed", stage: "resolve", why: "null_mx"})
	fmt.Fprint(&w.zone, "null.tailspin.example. 60 IN MX 0 .\n")
	if err := w.recipients(); err != nil {
		return err
	}
	const offers = "250-lab.example\r\n250 STARTTLS\r\n"
	scripts := []struct {
		connector, host, stage, why, want string
		script                            Script
	}{
		{"Tarpit", "tarpit.tailspin.example", "ehlo", "greeting_timeout", "failed", Script{}},
		{"Too busy", "busy.tailspin.example", "ehlo", "throttled", "inconclusive", Script{Host: busyHost, Greeting: "421 4.3.2 too busy\r\n", Hangup: true}},
		{"Not a mail server", "web.tailspin.example", "ehlo", "not_smtp", "failed", Script{Greeting: "HTTP/1.1 400 Bad Request\r\n\r\n", Hangup: true}},
		{"No STARTTLS", "plain.tailspin.example", "tls", "starttls_not_offered", "failed", Script{Greeting: "220 lab.example ESMTP\r\n"}},
		{"Key unreadable", "key.tailspin.example", "tls", "starttls_rejected", "failed", Script{Greeting: "220 lab.example ESMTP\r\n", Replies: map[string]string{"EHLO": offers, "STARTTLS": "454 4.7.0 TLS currently unavailable\r\n"}}},
		{"Injected bytes", "inject.tailspin.example", "tls", "starttls_injection", "failed", Script{Greeting: "220 lab.example ESMTP\r\n", Replies: map[string]string{"EHLO": offers, "STARTTLS": "220 go\r\n250 injected\r\n"}}},
	}
	for _, s := range scripts {
		port, err := w.scripted(s.script)
		if err != nil {
			return err
		}
		one := site{connector: s.connector, host: s.host, port: port, settings: "EncryptionOnly", want: s.want, stage: s.stage, why: s.why}
		if s.script.Host != "" {
			fmt.Fprintf(&w.zone, "%s. 60 IN A %s\n", s.host, s.script.Host)
			one.withoutName = true
		}
		w.add(one)
	}
	return nil
}

// recipients has a server that refuses one and greylists another.
func (w *World) recipients() error {
	cert, err := w.leaf(-10, 80, nil, "mail.tailspin.example")
	if err != nil {
		return err
	}
	server, err := w.mail(MailOptions{Certificate: cert, Recipients: map[string]*smtp.SMTPError{
		"gone@tailspin.example": {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "User unknown"},
		"grey@tailspin.example": {Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, try again later"},
	}})
	if err != nil {
		return err
	}
	w.add(site{connector: "Unknown recipient", host: "mail.tailspin.example", port: server.Port(), recipient: "gone@tailspin.example", want: "failed", stage: "recipient", why: "recipient_unknown"})
	w.add(site{connector: "Greylisting", host: "grey.tailspin.example", port: server.Port(), recipient: "grey@tailspin.example", want: "inconclusive", stage: "recipient", why: "temporary_rejection"})
	return nil
}
