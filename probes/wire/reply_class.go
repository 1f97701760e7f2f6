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
	case "5.7.23", "5.7.25", "5.7.506":
		return probes.ReasonProberRejected, true
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

// The well-known words, lower case: of refusals that speak of this host, and of refused relaying.
func aboutProber(text string) bool {
	return hasAny(text, "blocklist", "block list", "blacklist", "spamhaus", "rbl", "dnsbl", "spamcop", "barracudacentral", "reverse dns",
		"reverse hostname", "ptr record", "ptr ", "rdns", "spf", "helo", "client host rejected", "poor reputation")
}

func aboutRelay(text string) bool {
	return hasAny(text, "unable to relay", "relay access denied", "relaying denied", "relay not permitted", "relay denied", "not permitted to relay",
		"relaying not allowed", "relaying prohibited", "relay not allowed")
}

func hasAny(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// classify says what a refusal means: by enhanced code, then by code, then by well-known words, and without any of these the
// general reason of the stage.
func classify(r probes.Reply, general probes.Reason) probes.Reason {
	text := strings.ToLower(r.Text)
	if reason, ok := byEnhanced(r.Enhanced); ok {
		return reason
	}
	switch {
	case r.Code == 421:
		return probes.ReasonThrottled
	case r.Code == 454 && general == probes.ReasonSTARTTLSRejected:
		return general
	case r.Code == 454 && r.Enhanced == "4.7.0" && strings.Contains(text, "access denied"):
		return probes.ReasonClientCertificateUntrusted
	case r.Code == 552:
		return probes.ReasonMessageTooLarge
	case r.Code >= 400 && r.Code < 500:
		return probes.ReasonTemporaryRejection
	case r.Code < 500:
		return probes.ReasonReplyMalformed // a success or a question where neither fits
	case aboutRelay(text):
		return probes.ReasonRelayDenied
	case aboutProber(text):
		return probes.ReasonProberRejected
	case general == probes.ReasonRecipientRejected && hasAny(text, "user unknown", "no such user", "unknown user", "does not exist", "mailbox unavailable", "recipient address rejected: user"):
		return probes.ReasonRecipientUnknown
	}
	return general
}
