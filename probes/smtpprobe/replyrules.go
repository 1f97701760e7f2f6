package smtpprobe

import (
	"slices"

	"m365_connector_exporter/probes"
)

// rules classify refusals, in the order in which they are tried: by enhanced code, then by the texts of common servers
// where the code is general, then by reply code and command.
//
// The sources are RFC 3463 (enhanced codes), 5321 (SMTP), 7372, 7505 and 4954, the manuals of the servers, and
// https://learn.microsoft.com/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online.
var rules = slices.Concat(exchangeOnlineCodes, enhancedCodes, temporaryWords, proberWords, ownSenderWords,
	policyWords, stateRules, generalRules)

var (
	onGreeting  = []command{commandGreeting}
	onEHLO      = []command{commandEHLO}
	onSTARTTLS  = []command{commandSTARTTLS}
	onRCPT      = []command{commandRCPT}
	onDATA      = []command{commandDATA}
	beforeMAIL  = []command{commandGreeting, commandEHLO}
	envelope    = []command{commandMAIL, commandRCPT, commandDATA}
	addresses   = []command{commandMAIL, commandRCPT}
	delivery    = []command{commandRCPT, commandDATA}
	temporary   = [2]int{400, 499}
	permanent   = [2]int{500, 599}
	anyRefusal  = [2]int{400, 599}
	notARefusal = [2]int{200, 399}
)

// code returns the range of a single reply code.
func code(n int) [2]int { return [2]int{n, n} }

// exchangeOnlineCodes are enhanced codes that Microsoft documents.
var exchangeOnlineCodes = []rule{
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
	{enhanced: "4.7.850", through: 899, reason: probes.ReasonThrottled, source: "Microsoft: suspicious activity"},
	{enhanced: "5.7.508", reason: probes.ReasonThrottled, source: "Microsoft: exceeded permitted limits"},
	{
		enhanced: "5.2.121", through: 122, reason: probes.ReasonThrottled,
		source: "Microsoft: the recipient's hourly receive limit",
	},
	{
		enhanced: "5.7.506", reason: probes.ReasonProberRejected, evidence: probes.EvidenceHelloName,
		source: "Microsoft: bad HELO",
	},
	{enhanced: "5.7.507", reason: probes.ReasonProberRejected, source: "Microsoft: the organisation blocks the address"},
	{
		enhanced: "5.7.510", reason: probes.ReasonProberRejected, evidence: probes.EvidenceIPv6,
		source: "Microsoft: the domain accepts no mail over IPv6",
	},
	{
		enhanced: "4.7.26", words: ipv6Words, reason: probes.ReasonProberRejected, evidence: probes.EvidenceIPv6,
		source: "Microsoft: mail over IPv6 must pass SPF or DKIM",
	},
	{
		enhanced: "5.7.513", reason: probes.ReasonProberRejected, evidence: probes.EvidenceBlocklist,
		source: "Microsoft: customer block list",
	},
	{enhanced: "5.7.57", reason: probes.ReasonAuthenticationRequired, source: "Microsoft: not authenticated"},
	{
		enhanced: "5.7.60", ownSender: true, reason: probes.ReasonProberRejected, evidence: probes.EvidenceOwnDomain,
		source: "Microsoft: may not send as this sender",
	},
	{enhanced: "5.7.60", reason: probes.ReasonSenderRejected, source: "Microsoft: may not send as this sender"},
	{enhanced: "4.7.66", reason: probes.ReasonTLSVersion, source: "Microsoft: TLS 1.0 and 1.1 are not supported"},
	{
		enhanced: "4.7.5", reason: probes.ReasonClientCertificateUntrusted, evidence: probes.EvidenceServerTrust,
		source: "Microsoft: certificate validation failure, Reason:UntrustedRoot",
	},
	{
		enhanced: "5.7.3", words: exchangeAuthenticationWords, reason: probes.ReasonAuthenticationRequired,
		evidence: probes.EvidenceExchangeAuthentication, source: "Exchange: Cannot achieve Exchange Server authentication",
	},
	{enhanced: "5.7.3", words: tlsWords, reason: probes.ReasonTLSRequired, source: "Exchange: STARTTLS is required"},
	{enhanced: "5.7.367", reason: probes.ReasonRelayDenied, source: "unknown: not permitted to relay"},
	{
		enhanced: "5.7.124", through: 136, reason: probes.ReasonRecipientRejected,
		source: "Microsoft: the recipient accepts authenticated senders only",
	},
}

// enhancedCodes are codes of the RFCs that are specific enough to decide.
var enhancedCodes = []rule{
	{
		enhanced: "4.7.23", words: reverseDNSWords, reason: probes.ReasonProberRejected,
		evidence: probes.EvidenceReverseDNS, source: "Gmail uses it for a missing PTR record",
	},
	{
		enhanced: "5.7.23", through: 24, reason: probes.ReasonProberRejected, evidence: probes.EvidenceSPF,
		source: "RFC 7372: SPF validation failed, SPF validation error",
	},
	{
		enhanced: "4.7.23", through: 24, reason: probes.ReasonProberRejected, evidence: probes.EvidenceSPF,
		source: "RFC 7372: SPF validation failed, SPF validation error",
	},
	{
		enhanced: "5.7.25", reason: probes.ReasonProberRejected, evidence: probes.EvidenceReverseDNS,
		source: "RFC 7372: reverse DNS validation failed",
	},
	{
		enhanced: "4.7.25", reason: probes.ReasonProberRejected, evidence: probes.EvidenceReverseDNS,
		source: "RFC 7372: reverse DNS validation failed",
	},
	{
		enhanced: "5.7.26", reason: probes.ReasonProberRejected, evidence: probes.EvidenceSPF,
		source: "RFC 7372: multiple authentication checks failed",
	},
	{
		enhanced: "4.7.26", reason: probes.ReasonProberRejected, evidence: probes.EvidenceSPF,
		source: "RFC 7372: multiple authentication checks failed",
	},
	{
		enhanced: "4.3.1", words: diskWords, reason: probes.ReasonServerUnavailable, evidence: probes.EvidenceBackPressure,
		source: "Exchange: mailbox disk is full, which is not the limit of a mailbox",
	},
	{enhanced: "4.2.2", words: greylistWords, reason: probes.ReasonTemporaryRejection, source: "Stalwart"},
	{enhanced: "4.2.2", reason: probes.ReasonMailboxFull, source: "RFC 3463, section 3.3"},
	{enhanced: "5.2.2", reason: probes.ReasonMailboxFull, source: "RFC 3463, section 3.3"},
	{
		codes: anyRefusal, enhanced: "5.1.1", words: fullWords, reason: probes.ReasonMailboxFull,
		source: "qmail-toaster, Orange: a full mailbox with 5.1.1",
	},
	{enhanced: "5.1.1", on: addresses, words: senderWords, reason: probes.ReasonSenderRejected, source: "Postfix"},
	{enhanced: "5.1.1", reason: probes.ReasonRecipientUnknown, source: "RFC 3463, section 3.2"},
	{enhanced: "5.1.6", reason: probes.ReasonRecipientUnknown, source: "RFC 3463, section 3.2: mailbox has moved"},
	{
		enhanced: "4.1.8", reason: probes.ReasonProberRejected, evidence: probes.EvidenceSenderDomain,
		source: "RFC 3463, section 3.2: the domain of MAIL FROM, which the prober chose, is not resolved",
	},
	{
		enhanced: "4.1.2", on: onRCPT, reason: probes.ReasonServerUnavailable, evidence: probes.EvidenceLookup,
		source: "Postfix reject_unknown_recipient_domain: the server does not find its own domain in DNS",
	},
	{enhanced: "5.1.7", reason: probes.ReasonSenderRejected, source: "RFC 3463, section 3.2, also at RCPT TO"},
	{enhanced: "5.1.8", reason: probes.ReasonSenderRejected, source: "RFC 3463, section 3.2, also at RCPT TO"},
	{enhanced: "4.7.29", reason: probes.ReasonTLSRequired, source: "Gmail: not sent over TLS"},
	{enhanced: "5.7.29", reason: probes.ReasonTLSRequired, source: "Gmail: not sent over TLS"},
	{
		enhanced: "5.7.27", words: senderAuthenticationWords, reason: probes.ReasonProberRejected,
		evidence: probes.EvidenceSPF, source: "Gmail uses it for SPF",
	},
	{enhanced: "5.7.27", reason: probes.ReasonSenderRejected, source: "RFC 7505, section 4.2: null MX, also at RCPT TO"},
	{enhanced: "5.3.4", reason: probes.ReasonMessageTooLarge, source: "RFC 3463, section 3.4"},
	{enhanced: "5.2.3", reason: probes.ReasonMessageTooLarge, source: "RFC 3463, section 3.3"},
	{
		enhanced: "5.3.1", reason: probes.ReasonServerUnavailable, evidence: probes.EvidenceBackPressure,
		source: "RFC 3463, section 3.4: mail system full",
	},
	{
		enhanced: "5.3.2", reason: probes.ReasonServerUnavailable,
		source: "RFC 3463, section 3.4: system not accepting network messages",
	},
	{
		enhanced: "5.3.5", reason: probes.ReasonServerUnavailable, evidence: probes.EvidenceLookup,
		source: "RFC 3463, section 3.4: incorrectly configured",
	},
	{enhanced: "4.5.3", reason: probes.ReasonTemporaryRejection, source: "RFC 3463, section 3.6: too many recipients"},
}

// temporaryWords are refusals that a later attempt does not meet, and a few that must be recognised before the rules
// for general words.
var temporaryWords = []rule{
	{
		codes: anyRefusal, withheld: true, words: certificateWords, reason: probes.ReasonClientCertificateRequired,
		source: "Postfix smtpd_tls_req_ccert, which refuses with 421 after a good handshake",
	},
	{
		codes: anyRefusal, words: loadWords, reason: probes.ReasonServerUnavailable,
		evidence: probes.EvidenceBackPressure, source: "Exim smtp_load_reserve, Sendmail RefuseLA",
	},
	{
		codes: temporary, words: serverBehindWords, reason: probes.ReasonServerUnavailable,
		evidence: probes.EvidenceServerBehind, source: "Postfix reject_unverified_recipient, Haraka, Exchange edge",
	},
	{codes: temporary, words: greylistWords, reason: probes.ReasonTemporaryRejection, source: "greylisting (RFC 6647)"},
	{
		enhanced: "4.3.2", codes: code(450), words: postscreenWords, reason: probes.ReasonTemporaryRejection,
		source: "Postfix postscreen, which refuses a new client once after its deep protocol tests",
	},
	{
		codes: temporary, words: attributionFailureWords, reason: probes.ReasonServerUnavailable,
		evidence: probes.EvidenceLookup, source: "Exchange Online: ATTR codes of a directory that does not answer",
	},
	{
		codes: permanent, words: attributionWords, reason: probes.ReasonTenantAttribution,
		source: "Exchange Online: ATTR1, ATTR36 and others, no connector matched",
	},
	{
		codes: anyRefusal, words: oldTLSWords, reason: probes.ReasonTLSVersion,
		source: "Microsoft, Mimecast: TLS 1.2 or greater",
	},
}
