package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/certificate/crl"
)

// startTLS asks for TLS, shakes hands, says EHLO again and judges the certificate as the connector's tls_settings demand.
func (c *climb) startTLS() *probes.Step {
	demanded := c.path.TLSSettings.RequiresTLS()
	if !c.offers("STARTTLS") {
		if demanded {
			return c.fail(probes.ReasonSTARTTLSNotOffered, "the EHLO answer does not list STARTTLS")
		}
		return passed("STARTTLS not offered; sent in clear text")
	}
	r, bad := c.say("STARTTLS", "STARTTLS")
	if bad != nil {
		return bad
	}
	if r.Code != 220 {
		return c.refuse(c.meaning(r, probes.ReasonSTARTTLSRejected), r)
	}
	if c.in.buffered() > 0 {
		c.broken = true
		return c.fail(probes.ReasonSTARTTLSInjection, "bytes followed the reply to STARTTLS in clear text")
	}
	if step := c.handshake(); step != nil {
		return step
	}
	if step := c.ehlo(); step != nil {
		return step
	}
	step := certificate.TLSStage(c.path.TLSSettings, c.ep.TLS)
	return &step
}

func (c *climb) handshake() *probes.Step {
	var asked clientAuth
	conn := tls.Client(c.raw, c.tlsConfig(&asked))
	if err := conn.Handshake(); err != nil { //nolint:noctx // it has its deadline, and c.stop closes it when the context ends
		c.broken = true
		reason := handshakeReason(err, asked)
		c.ep.TLS = &probes.TLS{CertificateRequested: asked.requested, ClientCertificateSent: asked.presented}
		if reason == probes.ReasonCertificateUnparsable {
			c.ep.TLS.Unparsable = probes.Sanitise(err.Error(), maxDetail)
		}
		return c.fail(reason, err.Error())
	}
	c.conn, c.secured = conn, true
	c.in = newReplyReader(conn)
	c.record(conn.ConnectionState(), asked)
	return nil
}

func (c *climb) record(cs tls.ConnectionState, asked clientAuth) {
	chain := cs.PeerCertificates
	seen, verified := c.w.certificates.Server(c.w.opts.Now(), chain, c.peerName(), c.path.TLSDomain)
	seen.Version, seen.Cipher = tls.VersionName(cs.Version), c.w.suites.names[cs.CipherSuite]
	seen.OldVersion = cs.Version < tls.VersionTLS12
	seen.CertificateRequested, seen.ClientCertificateSent = asked.requested, asked.presented
	if c.path.Kind == probes.NextHopSender && c.ep.HideAddress {
		seen.MicrosoftRoot = certificate.MicrosoftRoot(c.w.opts.Now(), chain)
	}
	if c.w.opts.CheckRevocation {
		seen.Verdicts[probes.VerdictRevocation] = c.revoked(verified)
	}
	c.ep.TLS = &seen
	c.log.add(probes.OriginProber, seen.Version+" established, "+seen.Cipher)
}

// maxRevocationWait bounds how long the mail server waits while revocation is checked.
const maxRevocationWait = 10 * time.Second

// revoked checks revocation within a third of the time that is left: the mail server waits meanwhile.
func (c *climb) revoked(verified []*x509.Certificate) probes.Judgement {
	ctx, cancel := context.WithTimeout(c.ctx, min(maxRevocationWait, time.Until(c.commandEnd())/3))
	defer cancel()
	network := crl.Network{
		LookUp: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return c.w.resolver.hostAddrs(ctx, c.path, host)
		},
		// Certificates name the hosts, not the administrator: connect_to is the mail server's.
		Allowed: func(a netip.Addr) bool { return c.w.resolver.permits(a, true) },
	}
	return c.w.revocation.Check(ctx, network, verified)
}

// tlsConfig is made anew for each connection, so that no name or session leaks from one probe to the next. It offers what old
// servers speak, for we want to see what is there; the chain is evaluated by package certificate, for a bad certificate must be recorded too.
//
// The classic curves alone, and a key share of the first one: a server that wants another asks for it. A post-quantum key share
// makes a ClientHello of more than one packet, which upsets old mail gateways and costs time, and a probe has no secret to keep for
// decades. Every server that knows the new curves knows these too.
func (c *climb) tlsConfig(asked *clientAuth) *tls.Config {
	cfg := &tls.Config{
		MinVersion:             tls.VersionTLS10,
		InsecureSkipVerify:     true, //nolint:gosec // evaluated by package certificate
		SessionTicketsDisabled: true,
		CurvePreferences:       []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		CipherSuites:           c.w.suites.ids,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked.requested = true
			if own := c.clientCertificate(); own != nil {
				asked.presented = true
				return own, nil
			}
			return &tls.Certificate{}, nil
		},
	}
	if _, err := netip.ParseAddr(c.peerName()); err != nil {
		cfg.ServerName = c.peerName() // RFC 6066, section 3: no addresses in SNI
	}
	return cfg
}

// peerName is what the peer's certificate should be for: the host, and of a range the address.
func (c *climb) peerName() string {
	if strings.Contains(c.ep.Host, "/") {
		return c.ep.Addr.Addr().String()
	}
	return c.ep.Host
}

// cipherSuites are all that crypto/tls knows, the old ones too. It makes its lists anew whenever it is asked, for a name as well.
type cipherSuites struct {
	ids   []uint16
	names map[uint16]string
}

func newCipherSuites() cipherSuites {
	s := cipherSuites{names: map[uint16]string{}}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		s.ids = append(s.ids, suite.ID)
		s.names[suite.ID] = suite.Name
	}
	return s
}

// handshakeReason tells failures of a handshake apart: by alert, by type, by the library's words last.
func handshakeReason(err error, asked clientAuth) probes.Reason {
	if code, ok := alertCode(err); ok {
		return alertReason(code, asked)
	}
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid), strings.Contains(err.Error(), "failed to parse certificate"):
		return probes.ReasonCertificateUnparsable
	case strings.Contains(err.Error(), "unsupported protocol version"):
		return probes.ReasonTLSVersion
	}
	return probes.ReasonTLSHandshake
}

// alertCode digs out the alert a peer sent: crypto/tls keeps its type to itself outside QUIC.
func alertCode(err error) (uint8, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0, false
	}
	v := reflect.ValueOf(op.Err)
	if !v.IsValid() || v.Kind() != reflect.Uint8 {
		return 0, false
	}
	return uint8(v.Uint()), true //nolint:gosec // a Uint8
}

// clientAuth is what a handshake said of client certificates.
type clientAuth struct{ requested, presented bool }

// alertReason reads an alert (RFC 8446, section 6). Where a certificate was asked for and none presented, handshake_failure (40) and
// bad_certificate (42) mean that one is demanded.
func alertReason(code uint8, asked clientAuth) probes.Reason {
	switch {
	case code == 116, asked.requested && !asked.presented && (code == 40 || code == 42):
		return probes.ReasonClientCertificateRequired
	case asked.presented && code == 40:
		return probes.ReasonClientCertificateUntrusted
	case code == 42, code == 43, code == 48, code == 49:
		return probes.ReasonClientCertificateUntrusted
	case code == 70:
		return probes.ReasonTLSVersion
	}
	return probes.ReasonTLSHandshake
}
