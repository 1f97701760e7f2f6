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

// maxRevocationTime bounds how long the server waits while revocation is checked.
const maxRevocationTime = 10 * time.Second

// startTLS sends STARTTLS, shakes hands, sends EHLO again and decides by the connector's tls_settings (RFC 3207). What
// fails on the way is no failure if nothing demands TLS.
func (s *session) startTLS() *probes.Step {
	if s.control != nil && s.control.Kind == probes.ControlClearText {
		return passed("STARTTLS is not sent, on purpose")
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

// secure sends STARTTLS, shakes hands and sends EHLO again.
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

// handshake shakes hands and records what it showed, also if it failed.
func (s *session) handshake() *probes.Step {
	var shown shownInHandshake
	conn := tls.Client(s.raw, s.tlsConfig(&shown))
	_ = s.raw.SetDeadline(s.handshakeDeadline())
	//nolint:noctx // the connection has a deadline and is closed when the context ends
	if err := conn.Handshake(); err != nil {
		s.desynced = true
		reason := handshakeReason(err, shown.clientAuth)
		s.record(&shown)
		if strings.Contains(err.Error(), "failed to parse certificate") {
			s.endpoint.TLS.Unparsable = probes.Sanitise(err.Error(), probes.MaxDetail)
		}
		step := s.fail(reason, err.Error())
		if reason == probes.ReasonTLSHandshake && conn.ConnectionState().Version == 0 { // no ServerHello
			step.Evidence = cmp.Or(step.Evidence, atClientHello(err))
			alert, _ := alertCode(err)
			if refused := slices.Contains(noAgreement, alert); s.path.TLSSettings.RequiresTLS() &&
				(refused || step.Evidence == probes.EvidenceEndAtClientHello) {
				return s.explainRefusal(step, refused)
			}
		}
		return step
	}
	_ = s.raw.SetDeadline(s.commandDeadline())
	s.conn, s.secured, s.replies = conn, true, newReplyReader(conn)
	s.record(&shown)
	state, seen := conn.ConnectionState(), s.endpoint.TLS
	seen.Version, seen.Cipher = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	seen.OldVersion = state.Version < tls.VersionTLS12
	s.transcript.add(probes.OriginProber, seen.Version+" established, "+seen.Cipher)
	return nil
}

// shownInHandshake is what a handshake showed, whether or not it succeeded.
type shownInHandshake struct {
	clientAuth
	chain []*x509.Certificate
}

// record records what a handshake showed, with the evaluation of its certificates.
func (s *session) record(shown *shownInHandshake) {
	now, chain := s.prober.opts.Now(), shown.chain
	seen, verified := s.prober.certificates.Server(now, chain, s.peerName(), s.path.TLSDomain)
	seen.CertificateRequested, seen.ClientCertificateSent = shown.requested, shown.sent
	if s.path.Kind == probes.NextHopSender && s.endpoint.HideAddress {
		seen.MicrosoftRoot = certificate.MicrosoftRoot(now, chain)
	}
	if s.prober.opts.CheckRevocation && len(chain) > 0 {
		seen.Verdicts[probes.VerdictRevocation] = s.checkRevocation(verified)
	}
	s.endpoint.TLS, s.chain = &seen, chain
}

// checkRevocation takes at most a third of the remaining time: the server waits meanwhile.
func (s *session) checkRevocation(verified []*x509.Certificate) probes.Judgement {
	ctx, cancel := context.WithTimeout(s.ctx, min(maxRevocationTime, time.Until(s.commandDeadline())/3))
	defer cancel()
	return s.prober.revocation.Check(ctx, s.prober.crlNetwork(s.path), verified)
}

// tlsConfig is made for each connection, so that no name or session passes from one probe to the next. It offers what
// old servers speak. The chain is evaluated by package certificate, since a bad certificate must be recorded too.
//
// Only the classic curves are offered. A post-quantum key share makes a ClientHello of more than one packet, which
// some old mail gateways reject, and a probe has no secret that must be kept for decades. Every server that knows the
// new curves knows these too.
func (s *session) tlsConfig(shown *shownInHandshake) *tls.Config {
	config := &tls.Config{
		MinVersion:             tls.VersionTLS10,
		InsecureSkipVerify:     true, //nolint:gosec // evaluated by package certificate
		SessionTicketsDisabled: true,
		CurvePreferences:       []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		CipherSuites:           allCipherSuites(),
		VerifyConnection: func(state tls.ConnectionState) error { // called as soon as the server has shown its certificates
			shown.chain = state.PeerCertificates
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			shown.requested = true
			if own := s.clientCertificate(); own != nil {
				shown.sent = true
				return own, nil
			}
			return &tls.Certificate{}, nil
		},
	}
	config.ServerName = s.serverName()
	return config
}

// serverName is the name in SNI, "" for an address (RFC 6066, section 3).
func (s *session) serverName() string {
	if _, err := netip.ParseAddr(s.peerName()); err == nil {
		return ""
	}
	return s.peerName()
}

// allCipherSuites lists all that crypto/tls knows, including the old ones.
var allCipherSuites = sync.OnceValue(func() (ids []uint16) {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, suite.ID)
	}
	return ids
})

// clientCertificate returns the certificate that this path presents: the sender's, if the configuration says so, and
// only to hosts of Exchange Online. Another server could use what its key signs.
func (s *session) clientCertificate() *tls.Certificate {
	if s.control != nil {
		return s.control.certificate
	}
	if !s.path.UseClientCertificate || !s.endpoint.HideAddress || s.prober.opts.ClientCertificate == nil {
		return nil
	}
	return s.prober.opts.ClientCertificate(s.path.ID)
}

// peerName is what the server's certificate should be for: the host in A-labels, as SNI and certificates have it, or
// the address if the next hop is a range.
func (s *session) peerName() string {
	if strings.Contains(s.endpoint.Host, "/") {
		return s.endpoint.Addr.Addr().String()
	}
	if name, ok := mailflow.HostName(s.endpoint.Host); ok {
		return name
	}
	return s.endpoint.Host
}
