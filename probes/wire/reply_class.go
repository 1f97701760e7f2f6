package wire

import (
	"strconv"
	"strings"

	"m365_connector_exporter/probes"
)

// byEnhanced tells replies by enhanced code alone; microsoft-documented codes first, RFC 3463 after them.
func byEnhanced(code string) (probes.Reason, bool) {
	switch code {
	case "5.7.64":
		return probes.ReasonTenantAttribution, true
	case "5.7.51":
		return probes.ReasonPartnerRestriction, true
	case "5.7.68":
		return probes.ReasonDirectSendRejected, true
	case "5.7.711":
		return probes.ReasonConnectorBlocked, true
	case "5.7.705", "5.7.708", "5.7.750":
		return probes.ReasonTenantBlocked, true
	case "4.4.62":
		return probes.ReasonWrongRegion, true
	case "5.1.1", "5.1.10":
		return probes.ReasonRecipientUnknown, true
	case "5.7.511":
		return probes.ReasonBannedAddress, true
	case "5.7.23", "5.7.24", "5.7.25", "5.7.26", "5.7.506": // RFC 7372: SPF, reverse DNS, authentication of the sending host
		return probes.ReasonProberRejected, true
	case "5.1.7", "5.1.8", "5.7.27": // RFC 3463, section 3.2 and RFC 7505: also where the server judges the sender at RCPT TO
		return probes.ReasonSenderRejected, true
	case "5.7.367":
		return probes.ReasonRelayDenied, true
	case "5.3.4", "5.2.3":
		return probes.ReasonMessageTooLarge, true
	}
	head, tail, ok := cutLast(code)
	n, err := strconv.Atoi(tail)
	switch {
	case !ok || err != nil:
		return "", false
	case head == "5.7" && n >= 606 && n <= 649:
		return probes.ReasonBannedAddress, true
	case head == "4.7" && n >= 500 && n <= 699:
		return probes.ReasonThrottled, true
	}
	return "", false
}

func cutLast(code string) (head, tail string, ok bool) {
	i := strings.LastIndexByte(code, '.')
	if i < 0 {
		return "", "", false
	}
	return code[:i], code[i+1:], true
}

// classify says what a refusal means: by enhanced code, then by code, then by well-known words, and without any of these the
// general reason of the stage.
func classify(r probes.Reply, general probes.Reason) probes.Reason {
	if reason, ok := byEnhanced(r.Enhanced); ok {
		return reason
	}
	switch {
	case r.Code == 421:
		return probes.ReasonThrottled
	case r.Code == 454 && general == probes.ReasonSTARTTLSRejected:
		return general
	case r.Code == 454 && r.Enhanced == "4.7.0" && strings.Contains(plainWords(r), "access denied"):
		return probes.ReasonClientCertificateUntrusted
	case r.Code == 552 && general == probes.ReasonMessageRejected: // at RCPT TO it is a full mailbox
		return probes.ReasonMessageTooLarge
	case r.Code >= 400 && r.Code < 500:
		return probes.ReasonTemporaryRejection
	case r.Code < 500:
		return probes.ReasonReplyMalformed // a success or a question where neither fits
	}
	return byWords(r, general)
}

// meaning is classify with what this connection has seen: over TLS, where the server asked for a certificate and got none, a
// refusal that speaks of one demands it. Postfix (smtpd_tls_req_ccert) says so with 421, after a good handshake.
func (c *climb) meaning(r probes.Reply, general probes.Reason) probes.Reason {
	if _, decided := byEnhanced(r.Enhanced); !decided && r.Code >= 400 && c.uncertified() && certificateWords.MatchString(plainWords(r)) {
		return probes.ReasonClientCertificateRequired
	}
	return classify(r, general)
}

// uncertified reports whether the peer asked in the handshake for a certificate that it did not get.
func (c *climb) uncertified() bool {
	return c.secured && c.ep.TLS != nil && c.ep.TLS.CertificateRequested && !c.ep.TLS.ClientCertificateSent
}
