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

var networkReasons = []ReasonInfo{
	{
		ReasonNXDomain, Failed,
		"the name does not exist in DNS",
		"Check the smart host or the domain for typing errors; publish an MX or A record for it; check that the " +
			"domain has not expired.",
	},
	{
		ReasonNoAddress, Failed,
		"the name exists but has neither an address nor a usable MX target",
		"Publish an A record for the name or for its MX target, with the right address.",
	},
	{
		ReasonNullMX, Failed,
		"the domain publishes a null MX record (RFC 7505): it accepts no mail",
		"Remove the null MX record, or send mail for this domain to another next hop.",
	},
	{
		ReasonDNSTimeout, Failed,
		"no name server replied in time",
		"Check the domain's name servers; the DNS provider or the partner has to repair them.",
	},
	{
		ReasonDNSServfail, Failed,
		"the resolver could not resolve the name (SERVFAIL)",
		"Check the domain's delegation and DNSSEC signatures with the DNS provider.",
	},
	{
		ReasonDNSRefused, Failed,
		"the resolver refused the query (REFUSED)",
		"Check the resolver configured in `dns_servers`, and the domain's name servers.",
	},
	{
		ReasonDNSBogus, Failed,
		"the domain's DNSSEC signatures do not validate",
		"Renew the zone's signatures, or correct the DS record at the registrar.",
	},
	{
		ReasonCNAMELoop, Failed,
		"the CNAME records form a loop or too long a chain",
		"Repair the CNAME chain. An MX target must not be a CNAME (RFC 2181, section 10.3).",
	},
	{
		ReasonConnectRefused, Failed,
		"the host refused the TCP connection: nothing listens on the port",
		"Start the mail server and open the port to all Exchange Online ranges. If the server has been retired, " +
			"delete its connector and make its domains Authoritative.",
	},
	{
		ReasonConnectTimeout, Failed,
		"no reply to the TCP connection attempt",
		"Open TCP port 25 in your firewall to all Exchange Online ranges; check that the server is running and " +
			"that the address is right.",
	},
	{
		ReasonConnectUnreachable, Failed,
		"the network reports that the host is unreachable",
		"Check routing and firewalls between the Internet and the server, and the address.",
	},
	{
		ReasonConnectReset, Failed,
		"the connection was reset while it was being opened",
		"Check the firewall and any load balancer in front of the server.",
	},
}
