package smtpprobe

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"syscall"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/internal/sockerr"
)

// clientAuth records whether the server requested a client certificate in a handshake, and whether one was sent.
type clientAuth struct{ requested, sent bool }

// The TLS alerts that have reasons of their own (RFC 8446, section 6).
const (
	alertHandshakeFailure       = 40
	alertBadCertificate         = 42
	alertUnsupportedCertificate = 43
	alertUnknownCA              = 48
	alertAccessDenied           = 49
	alertProtocolVersion        = 70
	alertInsufficientSecurity   = 71
	alertInternalError          = 80
	alertUnrecognizedName       = 112
	alertCertificateRequired    = 116
)

// noAgreement lists the alerts of a server that supports nothing that the ClientHello offers.
var noAgreement = []uint8{alertHandshakeFailure, alertInsufficientSecurity}

// handshakeReason classifies a failed handshake by the server's alert if it sent one, otherwise by the error texts of
// crypto/tls and crypto/x509, which have no types for these errors. A certificate that is not DER is the server's
// fault; a curve, a key or a name that crypto/x509 does not accept is a limit of this program.
func handshakeReason(err error, auth clientAuth) probes.Reason {
	if code, ok := alertCode(err); ok {
		return alertReason(code, auth)
	}
	contains := func(text string) bool { return strings.Contains(err.Error(), text) }
	switch {
	case unparsableCertificate(err) && contains("x509: malformed"):
		return probes.ReasonCertificateUnparsable
	case contains("unsupported protocol version"):
		return probes.ReasonTLSVersion
	case unparsableCertificate(err), contains("unsupported"), contains("larger than"), contains("exceeds maximum"):
		return probes.ReasonProberLimit
	}
	return probes.ReasonTLSHandshake
}

// unparsableCertificate reports whether a handshake failed because crypto/x509 cannot parse a certificate.
func unparsableCertificate(err error) bool {
	return strings.Contains(err.Error(), "failed to parse certificate")
}

// answerToClientHello returns what the server did instead of sending a ServerHello, "" if that selects no remedy.
func answerToClientHello(err error) probes.Evidence {
	var notTLS tls.RecordHeaderError
	alert, _ := alertCode(err)
	switch code := sockerr.Code(err); {
	case alert == alertInternalError:
		return probes.EvidenceInternalError
	case alert == alertUnrecognizedName:
		return probes.EvidenceUnrecognizedName
	case errors.As(err, &notTLS):
		return probes.EvidenceClearTextAnswer
	case code == syscall.ECONNRESET, code == syscall.ECONNABORTED, code == syscall.EPIPE:
		return probes.EvidenceResetAtClientHello
	case errors.Is(err, io.EOF):
		return probes.EvidenceEndAtClientHello
	case errors.Is(err, os.ErrDeadlineExceeded):
		return probes.EvidenceNoServerHello
	}
	return ""
}

// alertCode returns the code of the alert that the server sent. crypto/tls exports a type for alerts in QUIC only.
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

// alertReason classifies an alert. If the server requested a client certificate and none was sent, handshake_failure
// and bad_certificate mean that it requires one.
func alertReason(code uint8, auth clientAuth) probes.Reason {
	withheld := auth.requested && !auth.sent
	switch code {
	case alertCertificateRequired:
		return probes.ReasonClientCertificateRequired
	case alertHandshakeFailure:
		switch {
		case withheld:
			return probes.ReasonClientCertificateRequired
		case auth.sent:
			return probes.ReasonClientCertificateUntrusted
		}
	case alertBadCertificate:
		if withheld {
			return probes.ReasonClientCertificateRequired
		}
		return probes.ReasonClientCertificateUntrusted
	case alertUnsupportedCertificate, alertUnknownCA, alertAccessDenied:
		return probes.ReasonClientCertificateUntrusted
	case alertProtocolVersion:
		return probes.ReasonTLSVersion
	}
	return probes.ReasonTLSHandshake
}

// withheldCertificate reports whether the server requested a client certificate in the handshake and none was sent.
func (s *session) withheldCertificate() bool {
	seen := s.endpoint.TLS
	return s.secured && seen != nil && seen.CertificateRequested && !seen.ClientCertificateSent
}
