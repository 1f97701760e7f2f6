package lab

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/emersion/go-smtp"
)

// exportingTenant is the tenant with exports of what Exchange Online reports itself.
const exportingTenant = "tailspin"

// tailspin has the failures of DNS, the network and SMTP, and those that Exchange Online reports itself.
func (w *World) tailspin() error {
	w.beginTenant(exportingTenant)
	for _, add := range []func() error{
		w.addUnreachable, w.addRefusedRecipients, w.addOpenRelay, w.addFaultyServers, w.addOutdatedPolicy,
	} {
		if err := add(); err != nil {
			return err
		}
	}
	return nil
}

// closed is a port on which nothing listens. It is that of TCPMUX (RFC 1078), which no system serves; a port that was
// free a moment ago could be given to another program.
const closed = 1

// addUnreachable adds paths that no connection gets through on.
func (w *World) addUnreachable() error {
	w.add(outboundPath{
		connector: "Retired server", host: "retired.tailspin.example", port: closed,
		outcome: "failed", stage: "connect", reason: "connect_refused",
	})
	w.add(outboundPath{
		connector: "Typing error", host: "mial.tailspin.example", port: closed, withoutRecord: true,
		outcome: "failed", stage: "resolve", reason: "nxdomain",
	})
	w.add(outboundPath{
		connector: "Broken zone", host: "servfail-zone.tailspin.example", port: closed, withoutRecord: true,
		outcome: "failed", stage: "resolve", reason: "dns_servfail",
	})
	w.add(outboundPath{
		connector: "Null MX", host: "null.tailspin.example", port: closed, mx: true,
		outcome: "failed", stage: "resolve", reason: "null_mx",
	})
	w.record("null.tailspin.example", "MX", "0 .")
	return nil
}

// addRefusedRecipients adds a server that refuses one recipient and greylists another.
func (w *World) addRefusedRecipients() error {
	cert, err := w.leaf(-10, 80, nil, "mail.tailspin.example")
	if err != nil {
		return err
	}
	unknown := smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "User unknown"}
	greylisted := smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted"}
	server, err := w.mail(MailOptions{Certificate: cert, Recipients: map[string]*smtp.SMTPError{
		"gone@tailspin.example": &unknown, "grey@grey.tailspin.example": &greylisted,
	}})
	if err != nil {
		return err
	}
	w.add(outboundPath{
		connector: "Unknown recipient", host: "mail.tailspin.example", port: server.Port(),
		recipient: "gone@tailspin.example", outcome: "failed", stage: "recipient", reason: "recipient_unknown",
	})
	w.add(outboundPath{
		connector: "Greylisting", host: "grey.tailspin.example", port: server.Port(),
		recipient: "grey@grey.tailspin.example",
		outcome:   "inconclusive", stage: "recipient", reason: "temporary_rejection",
	})
	return nil
}

// addOpenRelay adds a server that accepts recipients of everyone. Its path passes; its negative control is admitted.
func (w *World) addOpenRelay() error {
	cert, err := w.leaf(-10, 80, nil, "relay.tailspin.example")
	if err != nil {
		return err
	}
	server, err := w.mail(MailOptions{Certificate: cert})
	if err != nil {
		return err
	}
	w.add(outboundPath{
		connector: "Open relay", host: "relay.tailspin.example", port: server.Port(), tlsSettings: "CertificateValidation",
		probe: ", negative_controls: true", outcome: "passed",
	})
	return nil
}

// addFaultyServers adds servers that no mail server package can build.
func (w *World) addFaultyServers() error {
	const greeting = "220 lab.example ESMTP\r\n"
	starttls := func(reply string) map[string]string {
		return map[string]string{"EHLO": "250-lab.example\r\n250 STARTTLS\r\n", "STARTTLS": reply}
	}
	for _, c := range []struct {
		connector, host, outcome, stage, reason string
		script                                  Script
	}{
		{"Tarpit", "tarpit", "failed", "ehlo", "greeting_timeout", Script{}},
		{
			"Too busy", "busy", "inconclusive", "ehlo", "throttled",
			Script{Host: busyHost, Greeting: "421 4.3.2 too busy\r\n", CloseAfterGreeting: true},
		},
		{
			"Not a mail server", "web", "failed", "ehlo", "not_smtp",
			Script{Greeting: "HTTP/1.1 400 Bad Request\r\n\r\n", CloseAfterGreeting: true},
		},
		{"No STARTTLS", "plain", "failed", "tls", "starttls_not_offered", Script{Greeting: greeting}},
		{
			"Key unreadable", "key", "failed", "tls", "starttls_rejected",
			Script{Greeting: greeting, Replies: starttls("454 4.7.0 TLS currently unavailable\r\n")},
		},
		{
			"Injected bytes", "inject", "failed", "tls", "starttls_injection",
			Script{Greeting: greeting, Replies: starttls("220 go\r\n250 injected\r\n")},
		},
	} {
		p := outboundPath{
			connector: c.connector, host: c.host + ".tailspin.example", tlsSettings: "EncryptionOnly",
			outcome: c.outcome, stage: c.stage, reason: c.reason,
		}
		if err := w.addScripted(p, c.script); err != nil {
			return err
		}
	}
	return nil
}

// addOutdatedPolicy adds a domain that has moved to another MX host, which its MTA-STS policy does not list yet: mail
// could be delivered, and Exchange Online would hold it.
func (w *World) addOutdatedPolicy() error {
	const domain, mx = "moved.tailspin.example", "mx.moved.tailspin.example"
	cert, err := w.leaf(-10, 80, nil, mx)
	if err != nil {
		return err
	}
	server, err := w.mail(MailOptions{Certificate: cert})
	if err != nil {
		return err
	}
	w.add(outboundPath{
		connector: "Outdated MTA-STS policy", host: domain, port: server.Port(), tlsSettings: "CertificateValidation",
		mx: true, outcome: "passed",
	})
	w.record(domain, "MX", "10 "+mx+".")
	w.record(mx, "A", "127.0.0.1")
	w.policy(domain, "old.tailspin.example")
	return nil
}

// addScripted adds a path to a scripted server. If its address cannot be used, ::1 is; if that cannot, there is no
// path.
func (w *World) addScripted(p outboundPath, s Script) error {
	if s.Host != "" {
		record := "A"
		if !w.usable(s.Host) {
			record, s.Host = "AAAA", "::1"
		}
		if !w.usable(s.Host) {
			return nil
		}
		w.record(p.host, record, s.Host)
		p.withoutRecord = true
	}
	server, err := StartScripted(s)
	if err != nil {
		return err
	}
	w.closers = append(w.closers, server.Close)
	p.port = server.Port()
	w.add(p)
	return nil
}

// exportReports writes what Exchange Online reports about the tenant: anyone may send mail as it, a rule routes mail to
// a connector that was removed, and a server is about to be blocked. The other cmdlets are not exported, so that what
// rests on them is not judged. It returns the key of the tenant that names the files.
func (w *World) exportReports(tenant string) string {
	day := func(days int) string { return w.now.AddDate(0, 0, days).UTC().Format(time.RFC3339) }
	for cmdlet, text := range map[string]string{
		"OrganizationConfig": `{"Name":"tailspin","RejectDirectSend":false}`,
		"BlockedConnector":   `[]`,
		"TransportRule": `[{"Name":"Encrypt mail to partners","State":"Enabled","Mode":"Enforce","Priority":0,` +
			`"RouteMessageOutboundConnector":"Encryption gateway"}]`,
		"OnPremServerReportInfo": `[{"ServerFQDN":"ex1.tailspin.example","Build":"15.1.2507.6",` +
			`"RecommendedBuildVersions":["15.1.2507.61"],"ThrottleEnabledDate":"` + day(-20) + `",` +
			`"BlockingEnabledDate":"` + day(10) + `"}]`,
	} {
		w.files[filepath.Join("exports", tenant, cmdlet+".json")] = []byte(text)
	}
	return fmt.Sprintf("    exports: [exports/%s/*.json]\n", tenant)
}
