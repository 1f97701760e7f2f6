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
		Sentence: "the server replied 421 or 4.7.5xx: it wants fewer or later connections",
		Remedy: "The exporter backs off by itself. If it persists, raise `min_gap_per_address` or the interval, " +
			"and exempt the exporter's address from the server's rate limits.",
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
		Sentence: "the server refused the address or name of this exporter (blocklist, SPF, reverse DNS), which " +
			"proves nothing about Exchange Online",
		Remedy: "Give the exporter a host name with forward and reverse DNS, allow its address on the server, or " +
			"probe from another network.",
	},
	{
		Reason: ReasonProberLimit, Outcome: Inconclusive,
		Sentence: "a limit of this exporter was reached, or its TLS library cannot do what the server requires: " +
			"finite-field Diffie-Hellman, Ed448 or brainpool keys, an unusual certificate",
		Remedy: "The server may be healthy: test it with `openssl s_client -starttls smtp`. Let it also offer " +
			"ECDHE cipher suites and a certificate with an RSA or NIST ECDSA key, which Exchange Online uses.",
	},
	{
		Reason: ReasonBannedAddress, Outcome: Inconclusive,
		Sentence: "the server has banned the address of this exporter",
		Remedy: "Have the exporter's address delisted (for Exchange Online: in the delist portal) or probe from " +
			"another address.",
	},
	{
		Reason: ReasonFamilyUnavailable, Outcome: Inconclusive,
		Sentence: "this host has no route for the address family, or does not have the configured source address",
		Remedy: "Set `ip_protocol` to the address family that this host has, add the other family to the host, " +
			"or correct `source_address`.",
	},
	{
		Reason: ReasonAddressRefused, Outcome: Inconclusive,
		Sentence: "`allow_networks` does not permit this exporter to connect to the address",
		Remedy: "If the address is right, add its network to `global.allow_networks`; if not, correct the DNS " +
			"record.",
	},
	{
		Reason: ReasonVantageBlocked, Outcome: Inconclusive,
		Sentence: "no path passes connect: the network of this host seems to be the cause",
		Remedy: "Check that this host may open TCP port 25 outbound (many clouds block it), or use `connect_to`, " +
			"another port or another network.",
	},
	{
		Reason: ReasonCanceled, Outcome: Inconclusive,
		Sentence: "the probe was interrupted by a shutdown or by its caller",
		Remedy:   "No action needed; the next round probes again.",
	},
	{
		Reason: ReasonInternalError, Outcome: Inconclusive,
		Sentence: "the exporter itself failed",
		Remedy: "Read the detail. If this host has run out of file descriptors or memory, raise its limits; " +
			"otherwise report a bug with the log line.",
	},
}
