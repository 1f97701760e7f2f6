package smtpprobe

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

func TestEveryStageFailsWithItsReason(t *testing.T) {
	ca := certtest.New(t)
	good := healthy(certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter))
	tlsWith := func(change func(*tls.Config)) script {
		cfg := good.cert.Clone()
		cfg.Certificates = slices.Clone(cfg.Certificates)
		change(cfg)
		return healthy(cfg)
	}
	askCert := tlsWith(func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert })
	old := x509.Certificate{
		Subject: pkix.Name{CommonName: "x"}, DNSNames: []string{"mail.test"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	}
	early := old
	early.NotBefore, early.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	say := func(s string) script { return script{raw: func(c net.Conn) { _, _ = c.Write([]byte(s)) }} }
	alert := func(code byte) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, code})
		}
	}
	greet := func(s string) script { g := good; g.greet = s; return g }

	for _, tt := range []struct {
		name   string
		server script
		stage  probes.Stage
		reason probes.Reason
	}{
		{"all is well", good, probes.Recipient, ""},
		{"421 greeting", greet("421 4.7.0 too many connections\r\n"), probes.EHLO, probes.ReasonThrottled},
		{"554 greeting", greet("554 no\r\n"), probes.EHLO, probes.ReasonProberRejected},
		{"521 greeting", greet("521 mail.test accepts no mail\r\n"), probes.EHLO, probes.ReasonGreetingRejected},
		{"554 blocklist", greet("554 listed at Spamhaus\r\n"), probes.EHLO, probes.ReasonProberRejected},
		{"450 greeting", greet("450 later\r\n"), probes.EHLO, probes.ReasonTemporaryRejection},
		{"http", say("HTTP/1.1 400 Bad Request\r\n\r\n"), probes.EHLO, probes.ReasonNotSMTP},
		{"ssh", say("SSH-2.0-OpenSSH_9.9\r\n"), probes.EHLO, probes.ReasonNotSMTP},
		{"binary", say("\x00\x01\x02\n"), probes.EHLO, probes.ReasonNotSMTP},
		{"closed at once", say(""), probes.EHLO, probes.ReasonConnectionClosed},
		{"endless line", say(strings.Repeat("2", 5000)), probes.EHLO, probes.ReasonReplyTooLong},
		{"endless reply", say(strings.Repeat("220-x\r\n", 2000)), probes.EHLO, probes.ReasonReplyTooLong},
		{"EHLO refused", good.with("EHLO", "502 5.5.1 what?\r\n"), probes.EHLO, probes.ReasonEHLORejected},
		{"EHLO garbage", good.with("EHLO", "hello\r\n"), probes.EHLO, probes.ReasonReplyMalformed},
		{"codes differ", good.with("EHLO", "250-a\r\n550 b\r\n"), probes.EHLO, probes.ReasonReplyMalformed},
		{"closed in EHLO", good.with("EHLO", ""), probes.EHLO, probes.ReasonConnectionClosed},
		{"no STARTTLS", good.with("EHLO", "250 mail.test\r\n"), probes.TLSStage, probes.ReasonSTARTTLSNotOffered},
		{
			"454 STARTTLS", good.with("STARTTLS", "454 4.7.0 TLS not available\r\n"), probes.TLSStage,
			probes.ReasonSTARTTLSRejected,
		},
		{"injection", good.with("STARTTLS", "220 go\r\n250 injected\r\n"), probes.TLSStage, probes.ReasonSTARTTLSInjection},
		{
			"old TLS", tlsWith(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }), probes.TLSStage,
			probes.ReasonTLSVersion,
		},
		{
			"client certificate, TLS 1.3", tlsWith(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }),
			probes.TLSStage, probes.ReasonClientCertificateRequired,
		},
		{
			"client certificate, TLS 1.2",
			tlsWith(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert; c.MaxVersion = tls.VersionTLS12 }),
			probes.TLSStage, probes.ReasonClientCertificateRequired,
		},
		{
			"client certificate by 421 after TLS",
			askCert.with("TLS EHLO", "421 4.7.1 mail.test Error: No client certificate presented\r\n"),
			probes.TLSStage, probes.ReasonClientCertificateRequired,
		},
		{
			"client certificate at RCPT", askCert.with("RCPT", "550 5.7.1 client certificate required\r\n"), probes.Recipient,
			probes.ReasonClientCertificateRequired,
		},
		{"plain 421 after TLS", askCert.with("TLS EHLO", "421 4.7.0 try later\r\n"), probes.TLSStage, probes.ReasonThrottled},
		{
			"421 of a certificate never asked for", good.with("TLS EHLO", "421 4.7.1 No client certificate presented\r\n"),
			probes.TLSStage, probes.ReasonThrottled,
		},
		{"closed after TLS", askCert.with("TLS EHLO", ""), probes.TLSStage, probes.ReasonConnectionClosed},
		{"garbage for a handshake", good.withTLS(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte("250 hello\r\n"))
		}), probes.TLSStage, probes.ReasonTLSHandshake},
		{"closed in the handshake", good.withTLS(func(net.Conn) {}), probes.TLSStage, probes.ReasonTLSHandshake},
		{"alert 40, handshake_failure", good.withTLS(alert(40)), probes.TLSStage, probes.ReasonTLSHandshake},
		{"alert 48, unknown_ca", good.withTLS(alert(48)), probes.TLSStage, probes.ReasonClientCertificateUntrusted},
		{"alert 70, protocol_version", good.withTLS(alert(70)), probes.TLSStage, probes.ReasonTLSVersion},
		{
			"alert 116, certificate_required", good.withTLS(alert(116)), probes.TLSStage,
			probes.ReasonClientCertificateRequired,
		},
		{"a certificate Go refuses", tlsWith(func(c *tls.Config) {
			c.Certificates[0].Certificate = [][]byte{{0x30, 3, 1, 2, 3}}
		}), probes.TLSStage, probes.ReasonCertificateUnparsable},
		{
			"missing intermediate", healthy(certtest.ServerConfig(ca.Leaf(t, "mail.test"))), probes.TLSStage,
			probes.ReasonCertificateChainIncomplete,
		},
		{"self-signed", healthy(certtest.ServerConfig(certtest.Issue(t, nil,
			x509.Certificate{DNSNames: []string{"mail.test"}}))), probes.TLSStage, probes.ReasonCertificateUntrusted},
		{
			"wrong name", healthy(certtest.ServerConfig(ca.Leaf(t, "other.test"), ca.Inter)), probes.TLSStage,
			probes.ReasonCertificateNameMismatch,
		},
		{
			"expired", healthy(certtest.ServerConfig(certtest.Issue(t, ca.Inter, old), ca.Inter)), probes.TLSStage,
			probes.ReasonCertificateExpired,
		},
		{
			"not yet valid", healthy(certtest.ServerConfig(certtest.Issue(t, ca.Inter, early), ca.Inter)), probes.TLSStage,
			probes.ReasonCertificateNotYetValid,
		},
		{"sender refused", good.with("MAIL", "550 no\r\n"), probes.Recipient, probes.ReasonSenderRejected},
		{
			"5.7.64", good.with("RCPT", "550 5.7.64 TenantAttribution; Relay Access Denied\r\n"), probes.Recipient,
			probes.ReasonTenantAttribution,
		},
		{
			"sender refused at RCPT",
			good.with("RCPT", "553 5.7.1 <from@contoso.com>: Sender address rejected: not owned by user\r\n"), probes.Recipient,
			probes.ReasonSenderRejected,
		},
		{
			"5.7.51", good.with("RCPT", "550 5.7.51 TenantInboundAttribution; There is a partner connector configured\r\n"),
			probes.Recipient, probes.ReasonPartnerRestriction,
		},
		{
			"5.7.68", good.with("RCPT", "550 5.7.68 TenantInboundAttribution; Direct Send not allowed\r\n"), probes.Recipient,
			probes.ReasonDirectSendRejected,
		},
		{
			"5.7.711", good.with("RCPT", "550 5.7.711 Access denied, bad inbound connector. AS(2204)\r\n"), probes.Recipient,
			probes.ReasonConnectorBlocked,
		},
		{
			"5.7.705", good.with("MAIL", "550 5.7.705 Access denied, tenant has exceeded threshold\r\n"), probes.Recipient,
			probes.ReasonTenantBlocked,
		},
		{
			"4.4.62", good.with("RCPT", "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35\r\n"), probes.Recipient,
			probes.ReasonWrongRegion,
		},
		{
			"5.7.606", good.with("RCPT", "550 5.7.606 Access denied, banned sending IP [192.0.2.1]\r\n"), probes.Recipient,
			probes.ReasonBannedAddress,
		},
		{"relaying", good.with("RCPT", "550 5.7.1 Unable to relay\r\n"), probes.Recipient, probes.ReasonRelayDenied},
		{"no such user", good.with("RCPT", "550 5.1.1 User unknown\r\n"), probes.Recipient, probes.ReasonRecipientUnknown},
		{"refused at DATA", good.with("DATA", "554 5.7.0 no\r\n"), probes.Message, probes.ReasonMessageRejected},
		{"refused after DATA", good.with(".", "554 5.6.0 content\r\n"), probes.Message, probes.ReasonMessageRejected},
		{"too large", good.with(".", "552 5.3.4 too large\r\n"), probes.Message, probes.ReasonMessageTooLarge},
		{
			"no resources", good.with("MAIL", "452 4.3.1 Insufficient system resources\r\n"),
			probes.Recipient, probes.ReasonServerUnavailable,
		},
		{
			"authentication required", good.with("MAIL", "530 5.7.1 Client was not authenticated\r\n"),
			probes.Recipient, probes.ReasonAuthenticationRequired,
		},
		{
			"TLS required", good.with("MAIL", "530 5.7.0 Must issue a STARTTLS command first\r\n"),
			probes.Recipient, probes.ReasonTLSRequired,
		},
		{"mailbox full", good.with("RCPT", "452 4.2.2 Mailbox full\r\n"), probes.Recipient, probes.ReasonMailboxFull},
		{"greylisted", good.with("RCPT", "450 4.2.0 greylisted\r\n"), probes.Recipient, probes.ReasonTemporaryRejection},
		{"recipient refused", good.with("RCPT", "550 no\r\n"), probes.Recipient, probes.ReasonRecipientRejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, _ := serve(t, tt.server)
			ep := probeOne(t, testProber(ca.Roots), testPath(at, max(probes.Recipient, tt.stage), mailflow.DomainValidation))
			stage, step, problem := ep.FirstProblem()
			if tt.reason == "" && problem || tt.reason != "" && (stage != tt.stage || step.Reason != tt.reason) {
				t.Fatalf("%v %+v\n%v", stage, step, ep.Transcript)
			}
			if tt.reason == "" && ep.Outcome(probes.Recipient) != probes.Passed {
				t.Fatalf("%+v", ep.Steps)
			}
		})
	}
}

// A server that requires a client certificate may say so and close before any command over TLS.
func TestPendingReplyIsRead(t *testing.T) {
	ca := certtest.New(t)
	cfg := certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter)
	cfg.ClientAuth = tls.RequestClientCert
	at, _ := serve(t, healthy(cfg).with("TLS", "421 4.7.1 mail.test Error: No client certificate presented\r\n",
		"TLS EHLO", ""))
	ep := probeOne(t, testProber(ca.Roots), testPath(at, probes.TLSStage, mailflow.EncryptionOnly))
	if step := ep.Steps[probes.TLSStage]; step.Reason != probes.ReasonClientCertificateRequired ||
		step.Outcome != probes.Failed || step.Reply.Code != 421 {
		t.Fatalf("%+v\n%v", step, ep.Transcript)
	}
}

func TestMessageSession(t *testing.T) {
	ca := certtest.New(t)
	at, heard := serve(t, healthy(certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter)))
	ep := probeOne(t, testProber(ca.Roots), testPath(at, probes.Message, mailflow.DomainValidation))
	if ep.Outcome(probes.Message) != probes.Passed {
		t.Fatalf("%+v", ep.Steps)
	}
	all := strings.Join(heard(), "\n")
	for _, want := range []string{
		"EHLO prober.test\nSTARTTLS\nEHLO prober.test\nMAIL FROM:<from@contoso.com>\nRCPT " +
			"TO:<probe@contoso.com>\nRSET\nMAIL FROM", "DATA",
		"Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All", "\n.\nQUIT",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
	for _, l := range ep.Transcript {
		if strings.Contains(l.Text, "probe@") {
			t.Errorf("not redacted: %s", l.Text)
		}
	}
}

func TestHostileAddressIsNeverSent(t *testing.T) {
	at, heard := serve(t, healthy(nil).with("EHLO", "250 mail.test\r\n"))
	p := testPath(at, probes.Recipient, mailflow.Opportunistic)
	p.Recipients = []string{"a@b>\r\nDATA"}
	if step := probeOne(t, testProber(nil), p).Steps[probes.Recipient]; step.Reason != probes.ReasonRecipientRejected {
		t.Fatalf("%+v", step)
	}
	if all := strings.Join(heard(), "\n"); strings.Contains(all, "DATA") || strings.Contains(all, "MAIL") {
		t.Fatal(all)
	}
}

func TestMessageNotDue(t *testing.T) {
	at, heard := serve(t, healthy(nil).with("EHLO", "250 mail.test\r\n"))
	w := testProber(nil)
	w.opts.Messages = always(false)
	e := probeOne(t, w, testPath(at, probes.Message, mailflow.Opportunistic))
	step := e.Steps[probes.Message]
	if step.Outcome != probes.NotReached || step.Detail != "the next message is due at 2026-01-02T03:04:05Z" {
		t.Errorf("%+v", step)
	}
	if got := e.Outcome(probes.Message); got != probes.Passed {
		t.Errorf("the endpoint %s, want passed: it passed every stage that it reached", got)
	}
	if all := strings.Join(heard(), "\n"); strings.Contains(all, "DATA") {
		t.Error(all)
	}
}
