package smtpprobe

import "m365_connector_exporter/probes"

// proberWords are refusals of this host, with the cause. The rules for limits are placed between them, because a server
// may name the address of a client that connects too often.
var proberWords = []rule{
	{
		codes: anyRefusal, words: ipv6Words, reason: probes.ReasonProberRejected, evidence: probes.EvidenceIPv6,
		source: "Exchange Online: ATTR2; Spectrum AUP#1260",
	},
	{
		codes: anyRefusal, words: reverseDNSWords, reason: probes.ReasonProberRejected,
		evidence: probes.EvidenceReverseDNS, source: "Postfix reject_unknown_client_hostname, Gmail, GoDaddy IB108",
	},
	{
		codes: anyRefusal, words: helloWords, reason: probes.ReasonProberRejected, evidence: probes.EvidenceHelloName,
		source: "Postfix reject_invalid_helo_hostname, Exim, Exchange, cPanel",
	},
	{
		codes: anyRefusal, words: spfWords, reason: probes.ReasonProberRejected, evidence: probes.EvidenceSPF,
		source: "postfix-policyd-spf, Mimecast, Orange, Symantec",
	},
	{
		codes: anyRefusal, words: reputationWords, reason: probes.ReasonProberRejected,
		evidence: probes.EvidenceBlocklist, source: "lists by their names: Spamhaus, SpamCop, Proofpoint, Cloudmark",
	},
	{
		codes: temporary, on: addresses, words: senderDomainWords, reason: probes.ReasonProberRejected,
		evidence: probes.EvidenceSenderDomain, source: "Postfix reject_unknown_sender_domain, Sendmail, Yahoo",
	},
	{
		codes: temporary, on: delivery, words: fullWords, and: mailboxWords, reason: probes.ReasonMailboxFull,
		source: "Exchange, Dovecot, Gmail: the limit of a mailbox",
	},
	{
		codes: temporary, words: limitWords, reason: probes.ReasonThrottled,
		source: "connection and rate limits of Exchange, Postfix, Sendmail, Gmail, Yahoo",
	},
	{
		codes: anyRefusal, words: hostWords, reason: probes.ReasonProberRejected,
		source: "Postfix, Exim, IronPort, Mimecast geographic restriction, GMX",
	},
	{
		codes: anyRefusal, words: blocklistWords, and: addressWords, reason: probes.ReasonProberRejected,
		evidence: probes.EvidenceBlocklist, source: "Postfix reject_rbl_client, Exim, Barracuda",
	},
	{
		codes: anyRefusal, on: beforeMAIL, words: blocklistWords, reason: probes.ReasonProberRejected,
		evidence: probes.EvidenceBlocklist, source: "before MAIL FROM a list can only be about the client's address",
	},
	{
		codes: permanent, words: permanentLimitWords, reason: probes.ReasonThrottled,
		source: "limits that are refused with 5xx: Gmail, GoDaddy IB504",
	},
	{
		codes: anyRefusal, on: addresses, words: ownDomainWords, ownSender: true, reason: probes.ReasonProberRejected,
		evidence: probes.EvidenceOwnDomain, source: "Exchange, Mimecast, Postfix reject_sender_login_mismatch",
	},
	{
		codes: anyRefusal, on: addresses, words: ownDomainWords, reason: probes.ReasonSenderRejected,
		source: "Exchange, Mimecast, Postfix reject_sender_login_mismatch",
	},
}

// ownSenderWords are refusals of a MAIL FROM address in one of the tenant's own domains: the server accepts its own
// domains from its own hosts only. An address that does not exist is refused for another reason.
var ownSenderWords = []rule{
	{
		codes: permanent, on: addresses, words: senderWords, and: unknownWords, ownSender: true,
		reason: probes.ReasonSenderRejected, source: "Postfix reject_unlisted_sender",
	},
	{
		codes: permanent, on: addresses, words: senderWords, and: outsideWords, ownSender: true,
		reason: probes.ReasonProberRejected, evidence: probes.EvidenceOwnDomain,
		source: "Postfix check_sender_access for its own domains",
	},
}

// policyWords are refusals because of what the server requires (TLS, authentication) or does not do (relay).
var policyWords = []rule{
	{
		codes: anyRefusal, on: delivery, words: fullWords, reason: probes.ReasonMailboxFull,
		source: "Exchange, Dovecot, Exim, Gmail",
	},
	{
		codes: permanent, on: delivery, words: restrictedRecipientWords, reason: probes.ReasonRecipientRejected,
		source: "Exchange: RESOLVER.RST.AuthRequired, the recipient accepts authenticated senders only",
	},
	{
		codes: anyRefusal, words: exchangeAuthenticationWords, reason: probes.ReasonAuthenticationRequired,
		evidence: probes.EvidenceExchangeAuthentication, source: "Exchange: Cannot achieve Exchange Server authentication",
	},
	{
		codes: code(454), words: accessDeniedWords, and: channelWords, reason: probes.ReasonClientCertificateUntrusted,
		source: "Microsoft: Failed to establish appropriate TLS channel: Access Denied",
	},
	{
		codes: anyRefusal, on: envelope, words: tlsWords, reason: probes.ReasonTLSRequired,
		source: "RFC 3207, section 4; Exchange, Gmail, Mimecast, Symantec",
	},
	{
		codes: anyRefusal, words: relayWords, reason: probes.ReasonRelayDenied,
		source: "Exchange, Postfix, Exim, Mimecast, qmail",
	},
	{
		codes: anyRefusal, words: authenticationWords, reason: probes.ReasonAuthenticationRequired,
		source: "RFC 4954, section 6; Exchange, hMailServer, MailEnable",
	},
	{codes: code(530), on: envelope, reason: probes.ReasonAuthenticationRequired, source: "RFC 4954, section 6"},
}

// stateRules are refusals because of the state of the server: unavailable, out of resources, misconfigured.
var stateRules = []rule{
	{codes: [2]int{500, 520}, on: onGreeting, reason: probes.ReasonProberRejected, source: "RFC 5321, section 3.1"},
	{
		codes: [2]int{522, 599}, on: onGreeting, reason: probes.ReasonProberRejected,
		source: "RFC 5321, section 3.1; 521 is a host that accepts no mail at all (RFC 7504)",
	},
	{
		codes: anyRefusal, on: onSTARTTLS, words: starttlsWords, reason: probes.ReasonSTARTTLSRejected,
		source: "RFC 3207, section 4: TLS not available",
	},
	{
		codes: code(454), on: onSTARTTLS, reason: probes.ReasonSTARTTLSRejected,
		source: "RFC 3207, section 4: TLS not available",
	},
	{
		codes: anyRefusal, words: backEndWords, reason: probes.ReasonServerUnavailable, evidence: probes.EvidenceBackEnd,
		source: "Exchange front end: PRX1 to PRX7, no proxy destination",
	},
	{
		codes: anyRefusal, words: storageWords, reason: probes.ReasonServerUnavailable,
		evidence: probes.EvidenceBackPressure, source: "Exchange back pressure, Postfix, Sendmail, Exim",
	},
	{
		codes: anyRefusal, enhanced: "4.3.1", reason: probes.ReasonServerUnavailable,
		evidence: probes.EvidenceBackPressure, source: "RFC 3463, section 3.4: mail system full",
	},
	{
		codes: anyRefusal, words: componentWords, reason: probes.ReasonServerUnavailable,
		evidence: probes.EvidenceComponentInactive, source: "Exchange: Service not active, Service not available",
	},
	{
		codes: anyRefusal, words: lookupWords, reason: probes.ReasonServerUnavailable, evidence: probes.EvidenceLookup,
		source: "Postfix, Exim, Sendmail, qmail: look-ups and configuration",
	},
	{
		codes: anyRefusal, enhanced: "4.3.5", reason: probes.ReasonServerUnavailable, evidence: probes.EvidenceLookup,
		source: "RFC 3463, section 3.4: incorrectly configured",
	},
	{
		codes: anyRefusal, enhanced: "4.4.3", reason: probes.ReasonServerUnavailable, evidence: probes.EvidenceLookup,
		source: "RFC 3463, section 3.5: directory server failure",
	},
	{
		codes: anyRefusal, enhanced: "4.3.0", through: 3, reason: probes.ReasonServerUnavailable,
		source: "RFC 3463, section 3.4",
	},
	{
		codes: anyRefusal, words: stateWords, reason: probes.ReasonServerUnavailable,
		source: "Exchange, Postfix, Exim, Sendmail, Gmail",
	},
}

// generalRules decide by reply code and command, and by words about senders and recipients.
var generalRules = []rule{
	{codes: code(421), reason: probes.ReasonThrottled, source: "RFC 5321, section 4.2.3"},
	{
		codes: code(552), on: onRCPT, reason: probes.ReasonMailboxFull,
		source: "RFC 5321, section 4.2.3: exceeded storage allocation",
	},
	{
		codes: code(552), on: onDATA, words: contentWords, reason: probes.ReasonMessageRejected,
		source: "Gmail, GoDaddy: 552 for content",
	},
	{codes: code(552), on: onDATA, reason: probes.ReasonMessageTooLarge, source: "RFC 5321, section 4.2.3"},
	{codes: permanent, on: onDATA, words: sizeWords, reason: probes.ReasonMessageTooLarge, source: "Mimecast, Courier"},
	{
		enhanced: "4.1.0", through: 9, codes: code(452), reason: probes.ReasonTemporaryRejection,
		source: "Proofpoint: an address status is not about storage",
	},
	{
		codes: code(452), on: addresses, reason: probes.ReasonServerUnavailable, evidence: probes.EvidenceBackPressure,
		source: "RFC 5321, section 4.2.3: insufficient system storage",
	},
	{
		codes: temporary, on: onRCPT, words: tableWords, reason: probes.ReasonRecipientUnknown,
		source: "Postfix with soft_bounce or unknown_local_recipient_reject_code = 450",
	},
	{codes: temporary, reason: probes.ReasonTemporaryRejection, source: "RFC 5321, section 4.2.1"},
	{codes: notARefusal, reason: probes.ReasonReplyMalformed, source: "RFC 5321, section 4.3.2: not defined here"},
	{
		codes: code(501), on: onEHLO, reason: probes.ReasonProberRejected, evidence: probes.EvidenceHelloName,
		source: "RFC 5321, section 4.1.1.1",
	},
	{
		codes: code(504), on: onEHLO, reason: probes.ReasonProberRejected, evidence: probes.EvidenceHelloName,
		source: "RFC 5321, section 4.1.1.1",
	},
	{
		codes: code(550), on: onEHLO, reason: probes.ReasonProberRejected, evidence: probes.EvidenceHelloName,
		source: "RFC 5321, section 4.1.1.1",
	},
	{codes: permanent, on: onRCPT, words: senderWords, reason: probes.ReasonSenderRejected, source: "Postfix, Exim"},
	{
		codes: permanent, on: onRCPT, words: foreignDomainWords, reason: probes.ReasonRelayDenied,
		source: "Barracuda, Stalwart, GoDaddy",
	},
	{
		codes: permanent, on: delivery, words: unknownWords, reason: probes.ReasonRecipientUnknown,
		source: "Postfix, Proofpoint, Mimecast, qmail, Yahoo",
	},
	{
		enhanced: "5.1.2", on: onRCPT, reason: probes.ReasonRelayDenied,
		source: "RFC 3463, section 3.2: bad destination system address",
	},
	{
		codes: permanent, enhanced: "5.4.1", on: onRCPT, words: accessDeniedWords, reason: probes.ReasonRecipientUnknown,
		source: "Microsoft: Directory Based Edge Blocking, recipient unknown in an Authoritative domain",
	},
}
