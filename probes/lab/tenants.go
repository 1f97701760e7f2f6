package lab

import (
	"crypto/tls"
	"fmt"
	"net"

	"github.com/emersion/go-smtp"
)

// Loopback addresses beside 127.0.0.1.
const (
	secondHost = "127.0.0.2" // a healthy twin
	deadHost   = "127.0.0.3" // nothing listens
	busyHost   = "127.0.0.9" // for the server that says 421: a polite prober then backs off from the whole address
)

// contoso is healthy, but for one address of three.
func (w *World) contoso() error {
	w.beginTenant("contoso")
	cert, err := w.leaf(-30, 170, nil, "mail.contoso.example", "mx1.contoso.example", "mx2.contoso.example")
	if err != nil {
		return err
	}
	second := "127.0.0.1"
	if w.usable(secondHost) {
		second = secondHost
	}
	if err := w.startHybridPair(cert, second); err != nil {
		return err
	}
	port := w.hybrid.Port()
	w.add(outboundPath{connector: "To on-premises", host: "mail.contoso.example", port: port, tlsSettings: "DomainValidation", recipient: "probe@contoso.example", want: "passed"})
	w.add(outboundPath{connector: "By MX", host: "partners.contoso.example", port: port, tlsSettings: "CertificateValidation", mx: true, want: "passed"})
	fmt.Fprintf(&w.zone, "partners.contoso.example. 60 IN MX 10 mx1.contoso.example.\npartners.contoso.example. 60 IN MX 20 mx2.contoso.example.\n"+
		"mx1.contoso.example. 60 IN A 127.0.0.1\nmx2.contoso.example. 60 IN A %s\n", second)
	if second == secondHost && w.usable(deadHost) {
		w.add(outboundPath{
			connector: "One bad address of three", host: "cluster.contoso.example", port: port, withoutName: true,
			want: "failed", stage: "connect", reason: "connect_refused",
		})
		for _, address := range []string{"127.0.0.1", second, deadHost} {
			fmt.Fprintf(&w.zone, "cluster.contoso.example. 60 IN A %s\n", address)
		}
	}
	w.add(outboundPath{
		connector: "Test message", host: "test.contoso.example", port: port, tlsSettings: "EncryptionOnly",
		recipient: "probe@test.contoso.example", probe: ", until: message, message_min_interval: 5m", want: "passed",
	})
	w.add(outboundPath{connector: "Turned off", host: "old.contoso.example", port: port, extra: "        enabled: false\n"})
	w.add(outboundPath{connector: "In test mode", host: "new.contoso.example", port: port, extra: "        test_mode: true\n"})
	return nil
}

// startHybridPair starts the hybrid server and, where second is another address, its twin at the same port: a path has one port.
func (w *World) startHybridPair(cert *tls.Certificate, second string) error {
	var err error
	for range 20 { // the port may be taken at the second address
		if w.hybrid, err = StartMail(MailOptions{Certificate: cert}); err != nil {
			return err
		}
		if second == "127.0.0.1" {
			break
		}
		if _, err = w.mail(MailOptions{Addr: fmt.Sprintf("%s:%d", second, w.hybrid.Port()), Certificate: cert}); err == nil {
			break
		}
		w.hybrid.Close()
	}
	if err == nil {
		w.closers = append(w.closers, w.hybrid.Close)
	}
	return err
}

// fabrikam has every trouble with certificates.
func (w *World) fabrikam() error {
	w.beginTenant("fabrikam")
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
		s := outboundPath{connector: t.connector, host: t.host, port: server.Port(), tlsSettings: "DomainValidation", want: t.want, reason: t.why}
		if t.why != "" {
			s.stage = "tls"
		}
		w.add(s)
	}
	return nil
}

// tailspin has every trouble with DNS, the network and SMTP.
func (w *World) tailspin() error {
	w.beginTenant("tailspin")
	refused, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	closed := refused.Addr().(*net.TCPAddr).Port // it listens on TCP
	_ = refused.Close()
	w.add(outboundPath{connector: "Retired server", host: "retired.tailspin.example", port: closed, want: "failed", stage: "connect", reason: "connect_refused"})
	w.add(outboundPath{connector: "Typing error", host: "mial.tailspin.example", port: closed, withoutName: true, want: "failed", stage: "resolve", reason: "nxdomain"})
	w.add(outboundPath{connector: "Broken zone", host: "servfail-zone.tailspin.example", port: closed, withoutName: true, want: "failed", stage: "resolve", reason: "dns_servfail"})
	w.add(outboundPath{connector: "Null MX", host: "null.tailspin.example", port: closed, mx: true, want: "failed", stage: "resolve", reason: "null_mx"})
	fmt.Fprint(&w.zone, "null.tailspin.example. 60 IN MX 0 .\n")
	if err := w.recipients(); err != nil {
		return err
	}
	return w.faultyServers()
}

// faultyServers are servers that no mail server package would let one build.
func (w *World) faultyServers() error {
	const offers = "250-lab.example\r\n250 STARTTLS\r\n"
	scripts := []struct {
		connector, host, stage, why, want string
		script                            Script
	}{
		{"Tarpit", "tarpit.tailspin.example", "ehlo", "greeting_timeout", "failed", Script{}},
		{"Too busy", "busy.tailspin.example", "ehlo", "throttled", "inconclusive", Script{Host: busyHost, Greeting: "421 4.3.2 too busy\r\n", CloseAfterGreeting: true}},
		{"Not a mail server", "web.tailspin.example", "ehlo", "not_smtp", "failed", Script{Greeting: "HTTP/1.1 400 Bad Request\r\n\r\n", CloseAfterGreeting: true}},
		{"No STARTTLS", "plain.tailspin.example", "tls", "starttls_not_offered", "failed", Script{Greeting: "220 lab.example ESMTP\r\n"}},
		{"Key unreadable", "key.tailspin.example", "tls", "starttls_rejected", "failed", Script{Greeting: "220 lab.example ESMTP\r\n", Replies: map[string]string{"EHLO": offers, "STARTTLS": "454 4.7.0 TLS currently unavailable\r\n"}}},
		{"Injected bytes", "inject.tailspin.example", "tls", "starttls_injection", "failed", Script{Greeting: "220 lab.example ESMTP\r\n", Replies: map[string]string{"EHLO": offers, "STARTTLS": "220 go\r\n250 injected\r\n"}}},
	}
	for _, s := range scripts {
		record := "A"
		if s.script.Host != "" && !w.usable(s.script.Host) {
			record, s.script.Host = "AAAA", "::1"
			if !w.usable("::1") {
				continue
			}
		}
		port, err := w.scripted(s.script)
		if err != nil {
			return err
		}
		one := outboundPath{connector: s.connector, host: s.host, port: port, tlsSettings: "EncryptionOnly", want: s.want, stage: s.stage, reason: s.why}
		if s.script.Host != "" {
			fmt.Fprintf(&w.zone, "%s. 60 IN %s %s\n", s.host, record, s.script.Host)
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
		"gone@tailspin.example":      {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "User unknown"},
		"grey@grey.tailspin.example": {Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, try again later"},
	}})
	if err != nil {
		return err
	}
	w.add(outboundPath{connector: "Unknown recipient", host: "mail.tailspin.example", port: server.Port(), recipient: "gone@tailspin.example", want: "failed", stage: "recipient", reason: "recipient_unknown"})
	w.add(outboundPath{connector: "Greylisting", host: "grey.tailspin.example", port: server.Port(), recipient: "grey@grey.tailspin.example", want: "inconclusive", stage: "recipient", reason: "temporary_rejection"})
	return nil
}
