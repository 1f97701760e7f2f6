package probes

// Reasons that prove nothing about the server: the cause is temporary, or this exporter, its host or its network.
const (
	ReasonThrottled          Reason = "throttled"
	ReasonTemporaryRejection Reason = "temporary_rejection"
	ReasonMailboxFull        Reason = "mailbox_full"
	ReasonProberRejected     Reason = "prober_rejected"
	ReasonProberLimit        Reason = "prober_limit"
	ReasonBannedAddress      Reason = "banned_address"
	ReasonFamilyUnavailable  Reason = "family_unavailable"
	ReasonAddressRefused     Reason = "address_refused"
	ReasonVantageBlocked     Reason = "vantage_blocked"
	ReasonCanceled           Reason = "canceled"
	ReasonInternalError      Reason = "internal_error"
)

var inconclusiveReasons = []ReasonInfo{
	{
		Reason: ReasonThrottled, Outcome: Inconclusive,
		Sentence: "the server wants fewer or later connections (421, 4.7.5xx or a limit)",
		Remedy: "The exporter backs off by itself. If it persists, raise `min_gap_per_address` or the interval, and exempt " +
			"the exporter's address from the server's limits of connections, messages and TLS sessions.",
	},
	{
		Reason: ReasonTemporaryRejection, Outcome: Inconclusive,
		Sentence: "the server refused temporarily (4xx), as greylisting does",
		Remedy: "If it persists, exempt the exporter's address from greylisting, or look for the cause in the " +
			"server's log.",
	},
	{
		Reason: ReasonMailboxFull, Outcome: Inconclusive,
		Sentence: "the mailbox of the validation recipient is full",
		Remedy:   "Empty that mailbox or raise its quota; test messages and what else is sent to it fill it.",
	},
	{
		Reason: ReasonProberRejected, Outcome: Inconclusive,
		Sentence: "the server refused this exporter: its address, its name or its sender, which proves nothing about " +
			"Exchange Online",
		Remedy: "Permit the exporter's address on the server and on the gateway in front of it (allow list, connection " +
			"and geographic policy), give it forward and reverse DNS, or probe from another network. Waiting does not help.",
		Variants: []Variant{
			{
				Evidence: EvidenceBlocklist, When: "the address of the exporter is on a blocklist",
				Remedy: "Look up the exporter's address in the list that the reply names and have it removed, or exempt the " +
					"address on the server. Waiting does not help. A dynamic or cloud address cannot be delisted: probe from " +
					"another network.",
			},
			{
				Evidence: EvidenceReverseDNS, When: "the address of the exporter has no PTR record, or one whose name does not " +
					"lead back to it",
				Remedy: "Publish a PTR record for the exporter's address and an A record of that name with the same address, set " +
					"`hello_name` to it, or exempt the address on the server. Waiting does not help.",
			},
			{
				Evidence: EvidenceHelloName, When: "the server refuses the name in EHLO",
				Remedy: "Set `hello_name` to the fully qualified host name of the exporter, one that resolves to its address.",
			},
			{
				Evidence: EvidenceOwnDomain, When: "MAIL FROM is an accepted domain, and the server does not accept its own " +
					"domain from outside",
				Remedy: "Set `probe.mail_from` to an address of another domain, or exempt the exporter's address from the " +
					"anti-spoofing rule. Check that the rule exempts Exchange Online: mail between hybrid organizations has senders " +
					"of the own domain.",
			},
			{
				Evidence: EvidenceSenderDomain, When: "the server cannot look up the domain of MAIL FROM",
				Remedy: "Publish an MX or A record for the domain of `probe.mail_from`, set `probe.mail_from` to a domain that " +
					"the server can resolve, or repair the server's DNS. Waiting does not help.",
			},
			{
				Evidence: EvidenceSPF, When: "the address of the exporter may not send for the domain of MAIL FROM (SPF, DMARC)",
				Remedy: "Set `probe.mail_from` to a domain whose SPF record includes the exporter's address, add the address to " +
					"the record, or exempt it on the server.",
			},
			{
				Evidence: EvidenceIPv6, When: "the server does not accept the exporter's mail over IPv6",
				Remedy: "Set `ip_protocol: ip4`, or give the IPv6 address a PTR record and an SPF entry. Exchange Online accepts " +
					"mail over IPv6 only if it passes SPF or DKIM.",
			},
		},
	},
	{
		Reason: ReasonProberLimit, Outcome: Inconclusive,
		Sentence: "a limit of this exporter was reached, or its TLS library cannot do what the server requires: " +
			"finite-field Diffie-Hellman, Ed448 or brainpool keys, an unusual certificate",
		Remedy: "The server may be healthy: test it with `openssl s_client -starttls smtp`. Let it also offer ECDHE cipher " +
			"suites and a certificate with an RSA or NIST ECDSA key, which Exchange Online uses.",
		Variants: []Variant{
			{
				EvidenceFiniteField, "the server accepts cipher suites with finite-field Diffie-Hellman (DHE) only",
				"This exporter cannot probe it further. Let the server also offer ECDHE cipher suites (RFC 9325, section 4.2).",
			},
			{
				EvidenceKeyType, "the server's key, curve or cipher is one that the exporter does not know",
				"This exporter cannot probe it further. Install a certificate with an RSA key or an ECDSA key on P-256 or P-384: " +
					"few mail systems support Ed448 and brainpool.",
			},
		},
	},
	{
		Reason: ReasonBannedAddress, Outcome: Inconclusive,
		Sentence: "the server has banned the address of this exporter",
		Remedy: "Have the exporter's address delisted (for Exchange Online: in the delist portal) or probe from another " +
			"address.",
	},
	{
		Reason: ReasonFamilyUnavailable, Outcome: Inconclusive,
		Sentence: "this host has no route for the address family, or does not have the configured source address",
		Remedy: "Set `ip_protocol` to the address family that this host has, add the other family to the host, or correct " +
			"`source_address`.",
	},
	{
		Reason: ReasonAddressRefused, Outcome: Inconclusive,
		Sentence: "`allow_networks` does not permit this exporter to connect to the address",
		Remedy:   "If the address is right, add its network to `global.allow_networks`; if not, correct the DNS record.",
	},
	{
		Reason: ReasonVantageBlocked, Outcome: Inconclusive,
		Sentence: "no path passes connect: the network of this host seems to be the cause",
		Remedy: "Check that this host may open TCP port 25 outbound (many clouds block it), or use `connect_to`, another " +
			"port or another network.",
	},
	{
		Reason: ReasonCanceled, Outcome: Inconclusive,
		Sentence: "the probe was interrupted by a shutdown or by its caller",
		Remedy:   "No action needed; the next round probes again.",
	},
	{
		Reason: ReasonInternalError, Outcome: Inconclusive,
		Sentence: "the exporter itself failed",
		Remedy: "Read the detail. If this host has run out of file descriptors or memory, raise its limits; otherwise " +
			"report a bug with the log line.",
	},
}
