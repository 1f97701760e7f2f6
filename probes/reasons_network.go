package probes

// Reasons of the stages resolve and connect.
const (
	ReasonNXDomain           Reason = "nxdomain"
	ReasonNoAddress          Reason = "no_address"
	ReasonNullMX             Reason = "null_mx"
	ReasonDNSTimeout         Reason = "dns_timeout"
	ReasonDNSServfail        Reason = "dns_servfail"
	ReasonDNSRefused         Reason = "dns_refused"
	ReasonDNSBogus           Reason = "dns_bogus"
	ReasonCNAMELoop          Reason = "cname_loop"
	ReasonConnectRefused     Reason = "connect_refused"
	ReasonConnectTimeout     Reason = "connect_timeout"
	ReasonConnectUnreachable Reason = "connect_unreachable"
	ReasonConnectReset       Reason = "connect_reset"
)

// Variants of several reasons.
var (
	mxIsAddress = Variant{
		EvidenceMXIsAddress, "an MX record names an address",
		"An MX record needs a host name (RFC 1035, section 3.3.9): publish an A record for the address under a host " +
			"name, and let the MX record name that.",
	}
	dnsOverTCP = Variant{
		EvidenceDNSOverTCP, "the answer by UDP is truncated, and TCP fails",
		"Open TCP port 53 between this host and the DNS server (RFC 7766): large answers need it.",
	}
	ipv6Refused = Variant{
		EvidenceIPv6Refused, "the IPv4 address of the same host accepts connections",
		"The host has an AAAA record, but its IPv6 address does not accept mail. Let the server listen on it, remove the " +
			"AAAA record, or set `ip_protocol: ip4`.",
	}
)

var networkReasons = []ReasonInfo{
	{
		Reason: ReasonNXDomain, Outcome: Failed,
		Sentence: "the name does not exist in DNS",
		Remedy: "Check the smart host or the domain for typing errors; publish an MX or A record for it; check that the " +
			"domain has not expired.",
		Variants: []Variant{mxIsAddress, {
			EvidenceMXContradicted, "the answer for MX is NXDOMAIN, although the name has an address",
			"Fix the zone or the DNS load balancer that answers for it: for a name that exists, the answer for MX must be " +
				"empty, not NXDOMAIN (RFC 8020). Until then publish an MX record for it.",
		}},
	},
	{
		Reason: ReasonNoAddress, Outcome: Failed,
		Sentence: "the name exists but has neither an address nor a usable MX target",
		Remedy:   "Publish an A record for the name or for its MX target, with the right address.",
		Variants: []Variant{mxIsAddress},
	},
	{
		Reason: ReasonNullMX, Outcome: Failed,
		Sentence: "the domain publishes a null MX record (RFC 7505): it accepts no mail",
		Remedy:   "Remove the null MX record, or send mail for this domain to another next hop.",
	},
	{
		Reason: ReasonDNSTimeout, Outcome: Failed,
		Sentence: "no name server replied in time",
		Remedy:   "Check the domain's name servers; the DNS provider or the partner has to repair them.",
		Variants: []Variant{dnsOverTCP},
	},
	{
		Reason: ReasonDNSServfail, Outcome: Failed,
		Sentence: "the resolver could not resolve the name (SERVFAIL)",
		Remedy:   "Check the domain's delegation and DNSSEC signatures with the DNS provider.",
	},
	{
		Reason: ReasonDNSRefused, Outcome: Failed,
		Sentence: "the resolver refused the query (REFUSED)",
		Remedy:   "Check the resolver configured in `dns_servers`, and the domain's name servers.",
		Variants: []Variant{dnsOverTCP},
	},
	{
		Reason: ReasonDNSBogus, Outcome: Failed,
		Sentence: "the domain's DNSSEC signatures do not validate",
		Remedy:   "Renew the zone's signatures, or correct the DS record at the registrar.",
	},
	{
		Reason: ReasonCNAMELoop, Outcome: Failed,
		Sentence: "the CNAME records form a loop or too long a chain",
		Remedy:   "Repair the CNAME chain. An MX target must not be a CNAME (RFC 2181, section 10.3).",
	},
	{
		Reason: ReasonConnectRefused, Outcome: Failed,
		Sentence: "the host refused the TCP connection: nothing listens on the port",
		Remedy: "Start the mail server and open the port to all Exchange Online ranges. If this server has been retired, " +
			"remove its address from DNS or from the smart hosts; if it was the only one of the connector, delete the " +
			"connector and make its domains Authoritative.",
		Variants: []Variant{ipv6Refused},
	},
	{
		Reason: ReasonConnectTimeout, Outcome: Failed,
		Sentence: "no reply to the TCP connection attempt",
		Remedy: "Open TCP port 25 in your firewall to all Exchange Online ranges; check that the server is running and " +
			"that the address is right.",
		Variants: []Variant{ipv6Refused},
	},
	{
		Reason: ReasonConnectUnreachable, Outcome: Failed,
		Sentence: "the network reports that the host is unreachable",
		Remedy:   "Check routing and firewalls between the Internet and the server, and the address.",
		Variants: []Variant{ipv6Refused},
	},
	{
		Reason: ReasonConnectReset, Outcome: Failed,
		Sentence: "the connection was reset while it was being opened",
		Remedy:   "Check the firewall and any load balancer in front of the server.",
		Variants: []Variant{ipv6Refused},
	},
}
