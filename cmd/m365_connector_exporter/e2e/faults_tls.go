//go:build e2e

package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"net"
	"strings"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
)

// afterClientHello returns a script that accepts STARTTLS, reads the ClientHello and passes the connection to f.
func afterClientHello(f func(net.Conn)) lab.Script {
	s := healthyScript(nil)
	s.HandlerAt, s.Handler = "STARTTLS", func(c net.Conn) {
		_, _ = c.Write([]byte("220 2.0.0 ready\r\n"))
		if _, err := c.Read(make([]byte, 4096)); err == nil {
			f(c)
		}
	}
	return s
}

func sends(b ...byte) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Write(b)
		awaitPeer(c)
	}
}

// tlsAlert is a fatal alert instead of a ServerHello.
func tlsAlert(code byte) lab.Script { return afterClientHello(sends(21, 3, 3, 0, 2, 2, code)) }

// oldServerHello returns the ServerHello of a server that supports only SSL 3.0.
func oldServerHello() []byte {
	hello := append([]byte{3, 0}, make([]byte, 32)...) // version, random
	hello = append(hello, 0, 0, 0x35, 0)               // no session, a cipher suite, no compression
	return append([]byte{22, 3, 0, 0, byte(len(hello) + 4), 2, 0, 0, byte(len(hello))}, hello...)
}

// tlsFaults are faults between STARTTLS and the second EHLO.
func (w *faultWorld) tlsFaults() []fault {
	good := healthyScript(w.config)
	bad := func(name, does string, reason probes.Reason, server lab.Script) fault {
		return fault{name: name, does: does, stage: probes.TLSStage, reason: reason, tls: "EncryptionOnly", server: server}
	}
	configured := func(change func(*tls.Config)) lab.Script {
		c := w.config.Clone()
		change(c)
		return healthyScript(c)
	}
	requested := func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert }
	closing, closedOver, clear := good, configured(requested), good
	closing.CloseAt, closedOver.CloseAt = "STARTTLS", "TLS EHLO"
	clear.HandlerAt, clear.Handler = "TLS EHLO", func(c net.Conn) {
		_, _ = c.(*tls.Conn).NetConn().Write([]byte("250 mail.faults.test\r\n"))
		awaitPeer(c)
	}
	otherKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return []fault{
		bad("starttls-missing", "does not offer STARTTLS", probes.ReasonSTARTTLSNotOffered,
			withReplies(good, "EHLO", "250 mail.faults.test\r\n")),
		bad("starttls-stripped", "a firewall has overwritten the keyword", probes.ReasonSTARTTLSNotOffered,
			withReplies(good, "EHLO", "250-mail.faults.test\r\n250 XXXXXXXA\r\n")),
		bad("starttls-454", "454, TLS not available", probes.ReasonSTARTTLSRejected,
			withReplies(good, "STARTTLS", "454 4.7.0 TLS not available\r\n")),
		bad("starttls-502", "offers STARTTLS and does not implement it", probes.ReasonSTARTTLSRejected,
			withReplies(good, "STARTTLS", "502 5.5.1 what?\r\n")),
		bad("starttls-421", "421 to STARTTLS", probes.ReasonThrottled, withReplies(good, "STARTTLS", "421 4.3.2 busy\r\n")),
		bad("starttls-silent", "no reply to STARTTLS", probes.ReasonReplyTimeout, withReplies(good, "STARTTLS", "")),
		bad("starttls-closed", "closes at STARTTLS", probes.ReasonConnectionClosed, closing),
		bad("starttls-words", "text without a code", probes.ReasonReplyMalformed, withReplies(good, "STARTTLS", "sure\r\n")),
		bad("starttls-injection", "a reply to a command that was not sent, in clear text",
			probes.ReasonSTARTTLSInjection, withReplies(good, "STARTTLS", "220 go\r\n250 injected\r\n")),
		bad("tls-silent", "no data in the handshake", probes.ReasonTLSHandshake, afterClientHello(awaitPeer)),
		bad("tls-closed", "closes in the handshake", probes.ReasonTLSHandshake, afterClientHello(func(net.Conn) {})),
		bad("tls-clear", "clear text instead of a handshake", probes.ReasonTLSHandshake,
			afterClientHello(sends([]byte("250 hello\r\n")...))),
		bad("tls-half-record", "the header of a record, then nothing", probes.ReasonTLSHandshake,
			afterClientHello(sends(22, 3, 3, 1, 0))),
		bad("tls-huge-record", "a record larger than TLS allows", probes.ReasonTLSHandshake,
			afterClientHello(sends(22, 3, 3, 0xff, 0xff))),
		bad("tls-huge-message", "a handshake message of 16 MB", probes.ReasonProberLimit,
			afterClientHello(sends(22, 3, 3, 0, 4, 2, 0xff, 0xff, 0xff))),
		bad("tls-alert-40", "the alert handshake_failure", probes.ReasonTLSHandshake, tlsAlert(40)),
		bad("tls-alert-48", "the alert unknown_ca", probes.ReasonClientCertificateUntrusted, tlsAlert(48)),
		bad("tls-alert-70", "the alert protocol_version", probes.ReasonTLSVersion, tlsAlert(70)),
		bad("tls-alert-80", "the alert internal_error", probes.ReasonTLSHandshake, tlsAlert(80)),
		bad("tls-alert-112", "the alert unrecognized_name", probes.ReasonTLSHandshake, tlsAlert(112)),
		bad("tls-alert-116", "the alert certificate_required", probes.ReasonClientCertificateRequired, tlsAlert(116)),
		bad("tls-ssl3", "supports only SSL 3.0", probes.ReasonTLSVersion, afterClientHello(sends(oldServerHello()...))),
		bad("tls-10", "supports only TLS 1.0", probes.ReasonTLSVersion,
			configured(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 })),
		bad("tls-11", "supports only TLS 1.1", probes.ReasonTLSVersion,
			configured(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })),
		bad("tls-wrong-key", "signs with a key that does not match the certificate", probes.ReasonTLSHandshake,
			configured(func(c *tls.Config) {
				c.Certificates = []tls.Certificate{{Certificate: c.Certificates[0].Certificate, PrivateKey: otherKey}}
			})),
		bad("tls-client-certificate-12", "requires a client certificate, TLS 1.2",
			probes.ReasonClientCertificateRequired,
			configured(func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 })),
		bad("tls-client-certificate-13", "requires a client certificate, TLS 1.3",
			probes.ReasonClientCertificateRequired,
			configured(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })),
		bad("tls-client-certificate-421", "requires a client certificate after the handshake",
			probes.ReasonClientCertificateRequired,
			withReplies(configured(requested), "TLS EHLO", "421 4.7.1 Error: No client certificate presented\r\n")),
		bad("tls-then-closed", "closes after the handshake", probes.ReasonConnectionClosed, closedOver),
		bad("tls-then-silent", "no reply to EHLO over TLS", probes.ReasonReplyTimeout, withReplies(good, "TLS EHLO", "")),
		bad("tls-then-421", "421 to EHLO over TLS", probes.ReasonThrottled,
			withReplies(good, "TLS EHLO", "421 4.7.0 try later\r\n")),
		bad("tls-then-502", "refuses EHLO over TLS", probes.ReasonEHLORejected,
			withReplies(good, "TLS EHLO", "502 5.5.1 what?\r\n")),
		bad("tls-then-words", "text without a code over TLS", probes.ReasonReplyMalformed,
			withReplies(good, "TLS EHLO", "hello\r\n")),
		bad("tls-then-lines", "two thousand lines over TLS", probes.ReasonReplyTooLong,
			withReplies(good, "TLS EHLO", strings.Repeat("250-x\r\n", 2000)+"250 x\r\n")),
		bad("tls-then-clear", "clear text in the middle of TLS", probes.ReasonConnectionClosed, clear),
		bad("tls-dhe-only", "supports only finite-field Diffie-Hellman", probes.ReasonProberLimit, finiteFieldOnly()),
		optionalTLS("starttls-454-optional", "454, TLS not available; TLS is optional",
			withReplies(good, "STARTTLS", "454 4.7.0 TLS not available\r\n")),
		optionalTLS("tls-closed-optional", "closes in the handshake; TLS is optional",
			afterClientHello(func(net.Conn) {})),
		optionalTLS("tls-dhe-optional", "supports only finite-field Diffie-Hellman; TLS is optional",
			finiteFieldOnly()),
	}
}

// optionalTLS is a TLS fault if the connector does not require TLS: the session continues unencrypted.
func optionalTLS(name, does string, server lab.Script) fault {
	return fault{name: name, does: does, stage: probes.TLSStage, tls: "null", server: server}
}

// finiteFieldOnly returns the script of a server that accepts only a ClientHello with
// TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 and the following cipher suite.
func finiteFieldOnly() lab.Script {
	s := healthyScript(nil)
	s.HandlerAt, s.Handler = "STARTTLS", func(c net.Conn) {
		_, _ = c.Write([]byte("220 2.0.0 ready\r\n"))
		hello := make([]byte, 4096)
		n, _ := c.Read(hello)
		if !bytes.Contains(hello[:n], []byte{0, 0x9e, 0, 0x9f}) {
			_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
			return
		}
		answer := append([]byte{3, 3}, make([]byte, 32)...)
		answer = append(answer, 0, 0, 0x9e, 0)
		_, _ = c.Write(append([]byte{22, 3, 3, 0, byte(len(answer) + 4), 2, 0, 0, byte(len(answer))}, answer...))
	}
	return s
}

func serverTLS(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
}
