package smtpprobe

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// countingLimiter counts connections, and those that are open.
type countingLimiter struct{ acquired, open atomic.Int32 }

func (l *countingLimiter) Acquire(context.Context, string, netip.Addr) (func(bool), error) {
	l.acquired.Add(1)
	l.open.Add(1)
	return func(bool) { l.open.Add(-1) }, nil
}

// If TLS is not required, a failed attempt is not a failure: the session continues in clear text.
func TestBrokenSTARTTLS(t *testing.T) {
	ca := certtest.New(t)
	good := healthy(certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter))
	with := func(change func(*tls.Config)) script {
		cfg := good.cert.Clone()
		change(cfg)
		return healthy(cfg)
	}
	alert := func(code byte) script {
		return good.withTLS(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, code})
		})
	}
	refused, broken := probes.EvidenceSTARTTLSRefused, probes.EvidenceHandshakeBroken
	for _, tt := range []struct {
		name        string
		server      script
		clear       probes.Reason // if TLS is not required
		evidence    probes.Evidence
		connections int32
		encryption  probes.Reason // EncryptionOnly
	}{
		{"healthy", good, "", "", 1, ""},
		{"not offered", good.with("EHLO", "250 mail.test\r\n"), "", "", 1, probes.ReasonSTARTTLSNotOffered},
		{
			"454", good.with("STARTTLS", "454 4.7.0 TLS not available due to local problem\r\n"), "", refused, 1,
			probes.ReasonSTARTTLSRejected,
		},
		{
			"500", good.with("STARTTLS", "500 5.5.1 Command unrecognized\r\n"), "", refused, 1,
			probes.ReasonSTARTTLSRejected,
		},
		{
			"501", good.with("STARTTLS", "501 5.5.4 Syntax error\r\n"), "", refused, 1, probes.ReasonSTARTTLSRejected,
		},
		{
			"421 ends the session", good.with("STARTTLS", "421 4.7.0 Too many connections\r\n"), probes.ReasonThrottled, "", 1,
			probes.ReasonThrottled,
		},
		{"closed at STARTTLS", good.with("STARTTLS", ""), "", broken, 2, probes.ReasonConnectionClosed},
		{"closed at the ClientHello", good.withTLS(func(net.Conn) {}), "", broken, 2, probes.ReasonTLSHandshake},
		{"not TLS", good.withTLS(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "250 hello\r\n")
		}), "", broken, 2, probes.ReasonTLSHandshake},
		{"alert 40", alert(40), "", broken, 2, probes.ReasonTLSHandshake},
		{"alert 70", alert(70), "", broken, 2, probes.ReasonTLSVersion},
		{"a certificate that cannot be parsed", with(func(c *tls.Config) {
			broken := tls.Certificate{Certificate: [][]byte{{0x30, 3, 1, 2, 3}}, PrivateKey: c.Certificates[0].PrivateKey}
			c.Certificates = []tls.Certificate{broken}
		}), "", broken, 2, probes.ReasonCertificateUnparsable},
		{
			"client certificate demanded, TLS 1.2",
			with(func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 }),
			"", broken, 2, probes.ReasonClientCertificateRequired,
		},
		{
			"client certificate demanded, TLS 1.3",
			with(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), "", broken, 2,
			probes.ReasonClientCertificateRequired,
		},
		{"closed after the handshake", good.with("TLS EHLO", ""), "", broken, 2, probes.ReasonConnectionClosed},
		{
			"refused after the handshake", good.with("TLS EHLO", "451 4.3.0 later\r\n"), probes.ReasonServerUnavailable, "", 1,
			probes.ReasonServerUnavailable,
		},
		{
			"bytes after the reply", good.with("STARTTLS", "220 go\r\n250 injected\r\n"), probes.ReasonSTARTTLSInjection, "", 1,
			probes.ReasonSTARTTLSInjection,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for settings, want := range map[mailflow.TLSSettings]probes.Reason{
				mailflow.Opportunistic: tt.clear, mailflow.EncryptionOnly: tt.encryption,
			} {
				at, _ := serve(t, tt.server)
				w, limiter := testProber(ca.Roots), &countingLimiter{}
				w.opts.Limiter = limiter
				e := probeOne(t, w, testPath(at, probes.Recipient, settings))
				step := e.Steps[probes.TLSStage]
				if step.Reason != want || (e.Outcome(probes.Recipient) == probes.Passed) != (want == "") {
					t.Errorf("%q: %+v\n%v", settings, e.Steps, e.Transcript)
				}
				n := limiter.acquired.Load()
				if settings == mailflow.Opportunistic && (step.Evidence != tt.evidence || n != tt.connections) {
					t.Errorf("evidence %q after %d connections: %+v", step.Evidence, n, step)
				}
				if limiter.open.Load() != 0 {
					t.Errorf("%d connections are still counted", limiter.open.Load())
				}
			}
		})
	}
}

// A server that is silent in the handshake leaves time for a second connection, if TLS is not required.
func TestSilentInTheHandshake(t *testing.T) {
	for settings, want := range map[mailflow.TLSSettings]struct {
		reason      probes.Reason
		connections int32
	}{mailflow.Opportunistic: {"", 2}, mailflow.EncryptionOnly: {probes.ReasonTLSHandshake, 1}} {
		synctest.Test(t, func(t *testing.T) {
			w := testProber(nil)
			var connections atomic.Int32
			throughPipe(w, func(c net.Conn) {
				connections.Add(1)
				healthy(nil).withTLS(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }).talk(c, nil)
			})
			e := probeOne(t, w, testPath(netip.MustParseAddrPort("127.0.0.1:25"), probes.TLSStage, settings))
			if step := e.Steps[probes.TLSStage]; step.Reason != want.reason || connections.Load() != want.connections {
				t.Errorf("%q, %d connections: %+v\n%v", settings, connections.Load(), step, e.Transcript)
			}
		})
	}
}

// What the second connection shows counts.
func TestSecondConnection(t *testing.T) {
	first := func(c net.Conn) { // up to a handshake that breaks
		healthy(nil).withTLS(func(net.Conn) {}).talk(c, nil)
	}
	for _, tt := range []struct {
		name   string
		second func(net.Conn)
		reason probes.Reason
	}{
		{"busy", func(c net.Conn) { _, _ = io.WriteString(c, "421 4.3.2 Too many connections\r\n") }, probes.ReasonThrottled},
		{"closed", func(net.Conn) {}, probes.ReasonConnectionClosed},
		{"silent", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, probes.ReasonProberLimit},
		{"healthy", func(c net.Conn) { healthy(nil).talk(c, nil) }, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := testProber(nil)
			var connections atomic.Int32
			throughPipe(w, func(c net.Conn) {
				if connections.Add(1) == 1 {
					first(c)
				} else {
					tt.second(c)
				}
			})
			at := netip.MustParseAddrPort("127.0.0.1:25")
			e := probeOne(t, w, testPath(at, probes.TLSStage, mailflow.Opportunistic))
			if step := e.Steps[probes.TLSStage]; step.Reason != tt.reason || connections.Load() != 2 ||
				tt.reason == "" && !strings.Contains(step.Detail, "tls_handshake") {
				t.Errorf("%s, %d connections: %+v\n%v", tt.name, connections.Load(), step, e.Transcript)
			}
		})
	}
}
