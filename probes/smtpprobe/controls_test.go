package smtpprobe

import (
	"context"
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// exchangeOnline is a script of Exchange Online with a server that requests a client certificate.
func exchangeOnline(t *testing.T, ca certtest.PKI) script {
	t.Helper()
	cfg := certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter)
	cfg.ClientAuth = tls.RequestClientCert
	return healthy(cfg)
}

// runControls runs controls against a script, as an inbound path to Exchange Online.
func runControls(t *testing.T, s script, controls ...probes.Control) (results []probes.ControlResult, heard []string) {
	t.Helper()
	at, stop := serve(t, s)
	w := testProber(nil)
	p := testPath(at, probes.TLSStage, mailflow.EncryptionOnly)
	p.Kind, p.ID.Direction, p.Controls = probes.NextHopSender, mailflow.Inbound, controls
	p.UseClientCertificate = true // of the sender: no control presents it
	w.opts.ClientCertificate = func(probes.PathID) *tls.Certificate {
		t.Error("the sender's certificate is used")
		return nil
	}
	endpoint := probes.Endpoint{Host: "mail.test", Addr: at, HideAddress: true}
	results = w.RunControls(t.Context(), &p, []probes.Endpoint{endpoint})
	return results, stop()
}

func TestControlsStopAtRCPT(t *testing.T) {
	ca := certtest.New(t)
	own, outside := "O365ConnectorValidation@contoso.com", "negative-control@example.com"
	results, heard := runControls(t, exchangeOnline(t, ca),
		probes.Control{Kind: probes.ControlNoCertificate, MailFrom: own, Recipient: outside},
		probes.Control{Kind: probes.ControlSelfSigned, MailFrom: own, Recipient: outside, Certificate: "*.contoso.com"},
		probes.Control{Kind: probes.ControlClearText, MailFrom: own, Recipient: outside},
		probes.Control{Kind: probes.ControlForeignRecipient, Recipient: outside})
	reply := probes.Reply{Code: 250, Enhanced: "2.1.5", Text: "ok"}
	for _, r := range results {
		if r.Outcome != probes.ControlAdmitted || r.Reply != reply || r.Host != "mail.test" || r.Address != "" ||
			r.At.IsZero() {
			t.Errorf("%+v, want admitted", r)
		}
	}
	envelope := func(from string) []string {
		return []string{"MAIL FROM:<" + from + ">", "RCPT TO:<" + outside + ">", "RSET", "QUIT"}
	}
	secured := []string{"EHLO prober.test", "STARTTLS", "EHLO prober.test"}
	want := slices.Concat(secured, envelope(own), secured, envelope(own), secured[:1], envelope(own),
		secured, envelope(""))
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Error(diff)
	}
}

func TestControlsPresentTheirCertificate(t *testing.T) {
	ca := certtest.New(t)
	s := exchangeOnline(t, ca)
	var presented [][]string
	s.cert.VerifyConnection = func(state tls.ConnectionState) error {
		var names []string
		for _, c := range state.PeerCertificates {
			names = append(names, c.Subject.CommonName, strings.Join(c.DNSNames, " "), c.Issuer.CommonName)
		}
		presented = append(presented, names)
		return nil
	}
	runControls(t, s,
		probes.Control{Kind: probes.ControlNoCertificate, Recipient: "a@example.com"},
		probes.Control{Kind: probes.ControlSelfSigned, Recipient: "a@example.com", Certificate: "*.contoso.com"})
	if diff := cmp.Diff([][]string{nil, {"*.contoso.com", "*.contoso.com", "*.contoso.com"}}, presented); diff != "" {
		t.Error(diff)
	}
}

func TestControlsAreRefused(t *testing.T) {
	ca := certtest.New(t)
	relay := probes.Control{Kind: probes.ControlNoCertificate, Recipient: "a@example.com"}
	selfSigned := probes.Control{
		Kind: probes.ControlSelfSigned, Recipient: "a@example.com", Certificate: "mail.contoso.com",
	}
	clearText := probes.Control{
		Kind: probes.ControlClearText, Recipient: "a@contoso.com", MustRefuse: probes.RefuseClearText,
	}
	requesting := exchangeOnline(t, ca)
	verifying := certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter)
	verifying.ClientAuth = tls.RequireAndVerifyClientCert
	for name, c := range map[string]struct {
		server  script
		control probes.Control
		outcome probes.ControlOutcome
		stage   probes.Stage
		reason  probes.Reason
	}{
		"by Exchange Online": {
			requesting.with("RCPT", "550 5.7.64 TenantAttribution; Relay Access Denied [x.lab]\r\n"), relay,
			probes.ControlRefused, probes.Recipient, probes.ReasonTenantAttribution,
		},
		"by Postfix": {
			requesting.with("RCPT", "554 5.7.1 <a@example.com>: Relay access denied\r\n"), relay,
			probes.ControlRefused, probes.Recipient, probes.ReasonRelayDenied,
		},
		"the certificate in the handshake": {
			healthy(verifying), selfSigned,
			probes.ControlRefused, probes.TLSStage, probes.ReasonClientCertificateUntrusted,
		},
		"the certificate at RCPT TO": {
			requesting.with("RCPT", "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied\r\n"),
			selfSigned, probes.ControlRefused, probes.Recipient, probes.ReasonClientCertificateUntrusted,
		},
		"the server asks for no certificate": {
			healthy(certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter)), selfSigned,
			probes.ControlInconclusive, probes.TLSStage, "",
		},
		"clear text": {
			requesting.with("MAIL", "530 5.7.0 Must issue a STARTTLS command first\r\n"), clearText,
			probes.ControlRefused, probes.Recipient, probes.ReasonTLSRequired,
		},
		"clear text by Exchange Online": {
			requesting.with("RCPT", "454 4.7.0 Failed to establish appropriate TLS channel: Access Denied\r\n"), clearText,
			probes.ControlRefused, probes.Recipient, probes.ReasonClientCertificateUntrusted,
		},
		"greylisted": {
			requesting.with("RCPT", "450 4.7.1 Greylisted, try again later\r\n"), relay,
			probes.ControlInconclusive, probes.Recipient, probes.ReasonTemporaryRejection,
		},
		"throttled": {
			requesting.with("RCPT", "451 4.7.500 Server busy. Please try again later\r\n"), relay,
			probes.ControlInconclusive, probes.Recipient, probes.ReasonThrottled,
		},
		"on a block list": {
			requesting.with("RCPT", "550 5.7.606 Access denied, banned sending IP [192.0.2.1]\r\n"), relay,
			probes.ControlInconclusive, probes.Recipient, probes.ReasonBannedAddress,
		},
		"no TLS where the control needs it": {
			requesting.with("EHLO", "250 mail.test\r\n"), relay,
			probes.ControlInconclusive, probes.TLSStage, probes.ReasonSTARTTLSNotOffered,
		},
	} {
		t.Run(name, func(t *testing.T) {
			results, heard := runControls(t, c.server, c.control)
			got := results[0]
			if got.Outcome != c.outcome || got.Stage != c.stage || got.Reason != c.reason {
				t.Errorf("%s at %s: %q (%s); want %s at %s: %q", got.Outcome, got.Stage, got.Reason, got.Detail,
					c.outcome, c.stage, c.reason)
			}
			if slices.Contains(heard, "DATA") {
				t.Error("DATA was sent")
			}
		})
	}
}

func TestControlsOfACertificateNameThatCannotBe(t *testing.T) {
	results, heard := runControls(t, healthy(nil),
		probes.Control{Kind: probes.ControlSelfSigned, Recipient: "a@example.com", Certificate: "höst"})
	if results[0].Outcome != probes.ControlInconclusive || len(heard) > 0 {
		t.Errorf("%+v, heard %q", results[0], heard)
	}
}

func TestControlsEndWithTheContext(t *testing.T) {
	at, stop := serve(t, healthy(nil))
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := testPath(at, probes.TLSStage, mailflow.EncryptionOnly)
	p.Controls = []probes.Control{{Kind: probes.ControlForeignRecipient, Recipient: "a@example.com"}}
	r := testProber(nil).RunControls(ctx, &p, []probes.Endpoint{{Host: "mail.test", Addr: at}})[0]
	if r.Outcome != probes.ControlInconclusive || r.Reason != probes.ReasonCanceled || r.Address != "127.0.0.1" {
		t.Errorf("%+v", r)
	}
}

// TestControlsAreOneAtATimePerAddress uses a limiter that counts.
func TestControlsAreOneAtATimePerAddress(t *testing.T) {
	at, stop := serve(t, healthy(nil))
	defer stop()
	limiter := &openLimiter{}
	w := testProber(nil)
	w.opts.Limiter = limiter
	p := testPath(at, probes.TLSStage, mailflow.EncryptionOnly)
	c := probes.Control{Kind: probes.ControlClearText, Recipient: "a@example.com"}
	p.Controls = []probes.Control{c, c, c}
	w.RunControls(t.Context(), &p, []probes.Endpoint{{Host: "mail.test", Addr: at}})
	if limiter.acquired != 3 || limiter.most != 1 {
		t.Errorf("%d connections, %d at a time; want 3, one at a time", limiter.acquired, limiter.most)
	}
}

// openLimiter is used by one goroutine at a time.
type openLimiter struct{ acquired, open, most int }

func (l *openLimiter) Acquire(context.Context, string, netip.Addr) (func(bool), error) {
	l.acquired++
	l.open++
	l.most = max(l.most, l.open)
	return func(bool) { l.open-- }, nil
}

func TestControlEndpoints(t *testing.T) {
	greeted := func(e probes.Endpoint) probes.Endpoint {
		e.Steps[probes.EHLO] = probes.NewStep("", "")
		return e
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.25"), 25)
	own := probes.Endpoint{Host: "own.test", Addr: at}
	cloud := probes.Endpoint{Host: "cloud.test", Addr: at, HideAddress: true}
	round := &probes.Result{Endpoints: []probes.Endpoint{own, greeted(own), cloud, greeted(cloud)}}
	path := func(d mailflow.Direction, controls ...probes.Control) *probes.Path {
		return &probes.Path{ID: probes.PathID{Direction: d}, Controls: controls}
	}
	for name, c := range map[string]struct {
		path *probes.Path
		want []probes.Endpoint
	}{
		"no control":                        {path(mailflow.Inbound), nil},
		"inbound: Exchange Online only":     {path(mailflow.Inbound, probes.Control{}), []probes.Endpoint{greeted(cloud)}},
		"outbound: all but Exchange Online": {path(mailflow.Outbound, probes.Control{}), []probes.Endpoint{greeted(own)}},
	} {
		if diff := cmp.Diff(c.want, ControlEndpoints(c.path, round), cmp.Comparer(func(a, b netip.AddrPort) bool {
			return a == b
		})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
