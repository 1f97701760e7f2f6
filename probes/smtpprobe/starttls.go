package smtpprobe

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/mailflow"
)

// maxRevocationTime bounds the revocation check, during which the server waits for the next command.
const maxRevocationTime = 10 * time.Second

// startTLS negotiates TLS (RFC 3207) and decides by the connector's tls_settings whether the result is acceptable. If
// the connector does not require TLS, the session continues in clear text where the negotiation fails.
func (s *session) startTLS() *probes.Step {
	if s.control != nil && s.control.Kind == probes.ControlClearText {
		return passed("STARTTLS is deliberately not sent")
	}
	if !s.offers("STARTTLS") {
		if s.path.TLSSettings.RequiresTLS() {
			return s.fail(probes.ReasonSTARTTLSNotOffered, "the EHLO reply does not list STARTTLS")
		}
		return passed("STARTTLS not offered; sent in clear text")
	}
	if problem := s.secure(); problem != nil {
		return s.continueInClear(problem)
	}
	step := certificate.TLSStage(s.path.TLSSettings, s.endpoint.TLS)
	return &step
}

// secure sends STARTTLS, performs the handshake and sends EHLO again.
func (s *session) secure() *probes.Step {
	r, problem := s.cmd("STARTTLS", "STARTTLS")
	if problem != nil {
		return problem
	}
	if r.Code != 220 {
		s.inspect(r, maskedKeyword)
		return s.refused(r, commandSTARTTLS)
	}
	if s.replies.buffered() > 0 { // command injection: RFC 3207, section 6, and CVE-2011-0411
		s.desynced = true
		return s.fail(probes.ReasonSTARTTLSInjection, "bytes followed the reply to STARTTLS in clear text")
	}
	if problem := s.handshake(); problem != nil {
		return problem
	}
	return s.ehlo()
}

// handshake performs the TLS handshake and records what the server presented, even if it failed.
func (s *session) handshake() *probes.Step {
	var observed observedInHandshake
	conn := tls.Client(s.raw, s.tlsConfig(&observed))
	_ = s.raw.SetDeadline(s.handshakeDeadline())
	err := conn.Handshake() //nolint:noctx // the connection has a deadline and is closed when the context ends
	state := conn.ConnectionState()
	if err != nil {
		s.desynced = true
		s.record(&observed)
		return s.handshakeProblem(err, observed.clientAuth, state.Version != 0)
	}
	_ = s.raw.SetDeadline(s.commandDeadline())
	s.conn, s.secured, s.replies = conn, true, newReplyReader(conn)
	s.record(&observed)
	seen := s.endpoint.TLS
	seen.Version, seen.Cipher = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	seen.OldVersion = state.Version < tls.VersionTLS12
	s.transcript.add(probes.OriginProber, seen.Version+" established, "+seen.Cipher)
	return nil
}

// handshakeProblem returns the problem of a failed handshake. serverHello reports whether the server sent a ServerHello
// before it failed. If it did not, and the connector requires TLS, a second connection finds out why.
func (s *session) handshakeProblem(err error, auth clientAuth, serverHello bool) *probes.Step {
	if unparsableCertificate(err) {
		s.endpoint.TLS.Unparsable = probes.Sanitise(err.Error(), probes.MaxDetail)
	}
	step := s.fail(handshakeReason(err, auth), err.Error())
	if step.Reason != probes.ReasonTLSHandshake || serverHello {
		return step
	}
	step.Evidence = cmp.Or(step.Evidence, answerToClientHello(err))
	alert, _ := alertCode(err)
	refused := slices.Contains(noAgreement, alert)
	if s.path.TLSSettings.RequiresTLS() && (refused || step.Evidence == probes.EvidenceEndAtClientHello) {
		return s.explainRefusal(step, refused)
	}
	return step
}

// observedInHandshake is what a handshake revealed, whether or not it succeeded.
type observedInHandshake struct {
	clientAuth
	chain []*x509.Certificate
}

// record records what a handshake revealed, with the evaluation of the certificates.
func (s *session) record(observed *observedInHandshake) {
	now, chain := s.prober.opts.Now(), observed.chain
	seen, verified := s.prober.certificates.Server(now, chain, s.peerName(), s.path.TLSDomain)
	seen.CertificateRequested, seen.ClientCertificateSent = observed.requested, observed.sent
	if s.path.Kind == probes.NextHopSender && s.endpoint.HideAddress {
		seen.MicrosoftRoot = certificate.MicrosoftRoot(now, chain)
	}
	if s.prober.opts.CheckRevocation && len(chain) > 0 {
		seen.Verdicts[probes.VerdictRevocation] = s.checkRevocation(verified)
	}
	s.endpoint.TLS, s.chain = &seen, chain
}

// checkRevocation takes at most a third of the remaining time, because the server waits meanwhile.
func (s *session) checkRevocation(verified []*x509.Certificate) probes.Judgement {
	ctx, cancel := context.WithTimeout(s.ctx, min(maxRevocationTime, time.Until(s.commandDeadline())/3))
	defer cancel()
	return s.prober.revocation.Check(ctx, s.prober.crlNetwork(s.path), verified)
}

// tlsConfig returns the configuration of one connection; probes share none, so that no session is resumed. It offers
// the versions and cipher suites of old servers, and accepts every certificate so that bad ones are recorded too:
// package certificate evaluates them.
//
// Only classic curves are offered. A post-quantum key share makes the ClientHello longer than one packet, which some
// old mail gateways reject, and a probe sends nothing that must remain secret for decades. Every server that supports
// the new curves supports these too.
func (s *session) tlsConfig(observed *observedInHandshake) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS10,
		InsecureSkipVerify:     true, //nolint:gosec // evaluated by package certificate
		SessionTicketsDisabled: true,
		CurvePreferences:       []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		CipherSuites:           allCipherSuites(),
		ServerName:             s.serverName(),
		VerifyConnection: func(state tls.ConnectionState) error { // called even if the handshake fails later
			observed.chain = state.PeerCertificates
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			observed.requested = true
			if own := s.clientCertificate(); own != nil {
				observed.sent = true
				return own, nil
			}
			return &tls.Certificate{}, nil
		},
	}
}

// serverName returns the name for SNI, "" for an address (RFC 6066, section 3).
func (s *session) serverName() string {
	if _, err := netip.ParseAddr(s.peerName()); err == nil {
		return ""
	}
	return s.peerName()
}

// allCipherSuites lists all cipher suites of crypto/tls, including the insecure ones.
var allCipherSuites = sync.OnceValue(func() (ids []uint16) {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, suite.ID)
	}
	return ids
})

// clientCertificate returns the certificate to present: that of the sender, if it is configured, and only to hosts of
// Exchange Online, since another server could misuse what the key signs. A negative control has its own.
func (s *session) clientCertificate() *tls.Certificate {
	if s.control != nil {
		return s.control.certificate
	}
	if !s.path.UseClientCertificate || !s.endpoint.HideAddress || s.prober.opts.ClientCertificate == nil {
		return nil
	}
	return s.prober.opts.ClientCertificate(s.path.ID)
}

// peerName returns the name that the server's certificate should contain: the host in A-labels, as in SNI and in
// certificates, or the address if the next hop is a range.
func (s *session) peerName() string {
	if strings.Contains(s.endpoint.Host, "/") {
		return s.endpoint.Addr.Addr().String()
	}
	if name, ok := mailflow.HostName(s.endpoint.Host); ok {
		return name
	}
	return s.endpoint.Host
}
