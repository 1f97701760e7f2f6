package smtpprobe

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"m365_connector_exporter/probes"
)

// command is what a reply answers.
type command uint8

// The commands whose refusals are classified.
const (
	commandGreeting command = iota // the connection itself
	commandEHLO
	commandSTARTTLS
	commandMAIL
	commandRCPT
	commandDATA // DATA and the message
)

// refusalReasons are the reasons of refusals that no rule knows better.
var refusalReasons = [...]probes.Reason{
	commandGreeting: probes.ReasonGreetingRejected, commandEHLO: probes.ReasonEHLORejected,
	commandSTARTTLS: probes.ReasonSTARTTLSRejected, commandMAIL: probes.ReasonSenderRejected,
	commandRCPT: probes.ReasonRecipientRejected, commandDATA: probes.ReasonMessageRejected,
}

// rule gives refusals a reason. Every field that is set must match; the first rule that matches decides.
type rule struct {
	enhanced string      // an enhanced code
	through  int         // the last code of a range that begins with enhanced: 649 for 5.7.606 to 5.7.649
	codes    [2]int      // first and last reply code
	on       []command   // any if empty
	text     textPattern // about the text in lower case, without mail addresses
	withheld bool        // the server requested a client certificate in the handshake and got none
	reason   probes.Reason
	source   string
}

// textPattern reports whether the text of a reply says something.
type textPattern func(text string, c command) bool

var (
	beforeMAIL  = []command{commandGreeting, commandEHLO}
	onEHLO      = []command{commandEHLO}
	envelope    = []command{commandMAIL, commandRCPT, commandDATA}
	delivery    = []command{commandRCPT, commandDATA}
	temporary   = [2]int{400, 499}
	permanent   = [2]int{500, 599}
	anyRefusal  = [2]int{400, 599}
	notARefusal = [2]int{200, 399}
)

// rules are the refusals that are known: by enhanced code, then by the texts of servers in the field, then by reply
// code. Microsoft's codes are those of
// https://learn.microsoft.com/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online.
var rules = []rule{
	// Enhanced codes of Exchange Online.
	{enhanced: "5.7.64", reason: probes.ReasonTenantAttribution, source: "Microsoft: TenantAttribution"},
	{enhanced: "5.7.51", reason: probes.ReasonPartnerRestriction, source: "Microsoft: TenantInboundAttribution"},
	{enhanced: "5.7.68", reason: probes.ReasonDirectSendRejected, source: "Microsoft: RejectDirectSend"},
	{enhanced: "5.7.711", reason: probes.ReasonConnectorBlocked, source: "Microsoft: Get-BlockedConnector"},
	{enhanced: "5.7.705", reason: probes.ReasonTenantBlocked, source: "Microsoft: tenant has exceeded threshold"},
	{enhanced: "5.7.708", reason: probes.ReasonTenantBlocked, source: "Microsoft: traffic not accepted from this IP"},
	{enhanced: "5.7.750", reason: probes.ReasonTenantBlocked, source: "Microsoft: mail from unregistered domains"},
	{enhanced: "4.4.62", reason: probes.ReasonWrongRegion, source: "Microsoft: wrong Office 365 region, ATTR35"},
	{enhanced: "5.1.10", reason: probes.ReasonRecipientUnknown, source: "Microsoft: RecipientNotFound"},
	{enhanced: "5.7.511", reason: probes.ReasonBannedAddress, source: "Microsoft: banned sender"},
	{enhanced: "5.7.606", through: 649, reason: probes.ReasonBannedAddress, source: "Microsoft: banned sending IP"},
	{enhanced: "4.7.500", through: 699, reason: probes.ReasonThrottled, source: "Microsoft: server busy, ASxxx"},
	{enhanced: "5.7.506", reason: probes.ReasonProberRejected, source: "Microsoft: bad HELO"},
	{enhanced: "5.7.367", reason: probes.ReasonRelayDenied, source: "unknown: not permitted to relay"},
	{enhanced: "5.7.57", reason: probes.ReasonAuthenticationRequired, source: "Microsoft: not authenticated"},
	{enhanced: "5.7.60", reason: probes.ReasonProberRejected, source: "Microsoft: may not send as this sender"},
	{enhanced: "4.7.66", reason: probes.ReasonTLSVersion, source: "Microsoft: TLS 1.0 and 1.1 are not supported"},
	{
		enhanced: "4.7.5", reason: probes.ReasonClientCertificateUntrusted,
		source: "Microsoft: certificate validation failure",
	},

	// Enhanced codes of the RFCs.
	{enhanced: "5.1.1", reason: probes.ReasonRecipientUnknown, source: "RFC 3463, section 3.2"},
	{enhanced: "5.7.23", reason: probes.ReasonProberRejected, source: "RFC 7372: SPF validation failed"},
	{enhanced: "5.7.24", reason: probes.ReasonProberRejected, source: "RFC 7372: SPF validation error"},
	{enhanced: "5.7.25", reason: probes.ReasonProberRejected, source: "RFC 7372: reverse DNS validation failed"},
	{enhanced: "5.7.26", reason: probes.ReasonProberRejected, source: "RFC 7372: multiple authentication checks failed"},
	{enhanced: "5.1.7", reason: probes.ReasonSenderRejected, source: "RFC 3463, section 3.2, also at RCPT TO"},
	{enhanced: "5.1.8", reason: probes.ReasonSenderRejected, source: "RFC 3463, section 3.2, also at RCPT TO"},
	{enhanced: "5.7.27", reason: probes.ReasonSenderRejected, source: "RFC 7505, section 4.2: null MX, also at RCPT TO"},
	{enhanced: "5.3.4", reason: probes.ReasonMessageTooLarge, source: "RFC 3463, section 3.4"},
	{enhanced: "5.2.3", reason: probes.ReasonMessageTooLarge, source: "RFC 3463, section 3.3"},
	{enhanced: "5.3.1", reason: probes.ReasonServerUnavailable, source: "RFC 3463, section 3.4: mail system full"},
	{enhanced: "5.3.5", reason: probes.ReasonServerUnavailable, source: "RFC 3463, section 3.4: configuration"},
	{enhanced: "4.2.2", reason: probes.ReasonMailboxFull, source: "RFC 3463, section 3.3"},
	{enhanced: "5.2.2", reason: probes.ReasonMailboxFull, source: "RFC 3463, section 3.3"},
	{enhanced: "4.5.3", reason: probes.ReasonTemporaryRejection, source: "RFC 3463, section 3.6: too many recipients"},
	{
		enhanced: "4.1.8", reason: probes.ReasonProberRejected,
		source: "RFC 3463, section 3.2: the domain of MAIL FROM, which the prober chose, is not resolved",
	},

	// Texts of temporary and permanent refusals, of servers in the field: see replytext.go.
	{
		codes: anyRefusal, withheld: true, text: aboutCertificate, reason: probes.ReasonClientCertificateRequired,
		source: "Postfix smtpd_tls_req_ccert, which refuses with 421 after a good handshake",
	},
	{
		codes: temporary, text: matches(greylistText), reason: probes.ReasonTemporaryRejection,
		source: "texts of greylisting",
	},
	{
		enhanced: "4.3.2", codes: [2]int{450, 450}, text: matches(postscreenText),
		reason: probes.ReasonTemporaryRejection,
		source: "Postfix postscreen, which refuses a new client once after its deep protocol tests",
	},
	{
		codes: temporary, text: matches(limitText), reason: probes.ReasonThrottled,
		source: "texts of Exchange, Postfix, Sendmail: connection and rate limits",
	},
	{
		codes: anyRefusal, on: delivery, text: matches(fullText), reason: probes.ReasonMailboxFull,
		source: "texts of Exchange, Dovecot, Exim",
	},
	{
		codes: [2]int{552, 552}, on: []command{commandRCPT}, reason: probes.ReasonMailboxFull,
		source: "RFC 5321, section 4.2.3: exceeded storage allocation",
	},
	{
		codes: permanent, text: matches(attributionText), reason: probes.ReasonTenantAttribution,
		source: "Microsoft: ATTR36",
	},
	{codes: anyRefusal, text: aboutProber, reason: probes.ReasonProberRejected, source: "texts of servers in the field"},
	{
		codes: permanent, text: matches(relayText), reason: probes.ReasonRelayDenied,
		source: "texts of Exchange, Postfix, Exim, Mimecast, qmail",
	},
	{
		codes: anyRefusal, text: matches(authenticationText), reason: probes.ReasonAuthenticationRequired,
		source: "RFC 4954, section 6; texts of Exchange",
	},
	{
		codes: anyRefusal, on: envelope, text: matches(tlsText), reason: probes.ReasonTLSRequired,
		source: "RFC 3207, section 4; texts of Exchange",
	},

	// The state of the server itself.
	{
		codes: [2]int{454, 454}, on: []command{commandSTARTTLS}, reason: probes.ReasonSTARTTLSRejected,
		source: "RFC 3207, section 4: TLS not available",
	},
	{enhanced: "4.3.0", through: 5, reason: probes.ReasonServerUnavailable, source: "RFC 3463, section 3.4"},
	{
		codes: anyRefusal, text: matches(serverText), reason: probes.ReasonServerUnavailable,
		source: "texts of Exchange, Postfix, Exim, Sendmail",
	},

	// Reply codes.
	{codes: [2]int{421, 421}, reason: probes.ReasonThrottled, source: "RFC 5321, section 4.2.3"},
	{
		codes: [2]int{454, 454}, enhanced: "4.7.0", text: accessDenied, reason: probes.ReasonClientCertificateUntrusted,
		source: "Microsoft: Failed to establish appropriate TLS channel: Access Denied",
	},
	{
		codes: [2]int{552, 552}, on: []command{commandDATA}, reason: probes.ReasonMessageTooLarge,
		source: "RFC 5321, section 4.2.3",
	},
	{codes: temporary, reason: probes.ReasonTemporaryRejection, source: "RFC 5321, section 4.2.1"},
	{codes: notARefusal, reason: probes.ReasonReplyMalformed, source: "RFC 5321, section 4.3.2: not defined here"},

	// Permanent refusals.
	{codes: [2]int{501, 501}, on: onEHLO, reason: probes.ReasonProberRejected, source: "RFC 5321, section 4.1.1.1"},
	{codes: [2]int{504, 504}, on: onEHLO, reason: probes.ReasonProberRejected, source: "RFC 5321, section 4.1.1.1"},
	{codes: [2]int{550, 550}, on: onEHLO, reason: probes.ReasonProberRejected, source: "RFC 5321, section 4.1.1.1"},
	{
		codes: [2]int{500, 520}, on: []command{commandGreeting}, reason: probes.ReasonProberRejected,
		source: "RFC 5321, section 3.1",
	},
	{
		codes: [2]int{522, 599}, on: []command{commandGreeting}, reason: probes.ReasonProberRejected,
		source: "RFC 5321, section 3.1; 521 is a host that accepts no mail at all (RFC 7504)",
	},
	{
		codes: permanent, on: []command{commandRCPT}, text: matches(senderText), reason: probes.ReasonSenderRejected,
		source: "texts of Postfix, Exim",
	},
	{
		codes: permanent, on: []command{commandRCPT}, text: matches(unknownText), reason: probes.ReasonRecipientUnknown,
		source: "texts of Postfix, Proofpoint, Mimecast",
	},
	{
		codes: permanent, enhanced: "5.4.1", on: []command{commandRCPT}, text: accessDenied,
		reason: probes.ReasonRecipientUnknown,
		source: "Microsoft: Directory Based Edge Blocking, recipient unknown in an Authoritative domain",
	},
}

// classifyReply returns the reason of a refusal. withheld reports whether the server requested a client certificate
// and got none.
func classifyReply(r probes.Reply, c command, withheld bool) probes.Reason {
	text := plainText(r)
	for i := range rules {
		if rules[i].matches(r, text, c, withheld) {
			return rules[i].reason
		}
	}
	return refusalReasons[c]
}

func (r *rule) matches(reply probes.Reply, text string, c command, withheld bool) bool {
	switch {
	case r.enhanced != "" && !r.matchesEnhanced(reply.Enhanced),
		r.codes[0] != 0 && (reply.Code < r.codes[0] || reply.Code > r.codes[1]),
		len(r.on) > 0 && !slices.Contains(r.on, c),
		r.withheld && !withheld:
		return false
	}
	return r.text == nil || r.text(text, c)
}

// matchesEnhanced reports whether an enhanced code is the one that a rule names, or in its range.
func (r *rule) matchesEnhanced(code string) bool {
	if code == r.enhanced {
		return true
	}
	class, first := cutLastNumber(r.enhanced)
	codeClass, number := cutLastNumber(code)
	return class == codeClass && number >= first && number <= r.through
}

// cutLastNumber splits "5.7.64" into "5.7" and 64.
func cutLastNumber(code string) (head string, number int) {
	i := strings.LastIndexByte(code, '.')
	if i < 0 {
		return "", 0
	}
	number, _ = strconv.Atoi(code[i+1:])
	return code[:i], number
}

func matches(re *regexp.Regexp) textPattern {
	return func(text string, _ command) bool { return re.MatchString(text) }
}

func accessDenied(text string, _ command) bool { return strings.Contains(text, "access denied") }
