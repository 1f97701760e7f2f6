package check

import (
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// ipv6Checks judge senders that may reach Exchange Online by IPv6.
func ipv6Checks() []Check {
	return []Check{
		{
			Code: "ipv6_bypasses_connector", Severity: Warning, Scope: ScopeSender,
			Title: "A sender that uses IPv6 does not match its connector",
			When: "An OnPremises connector identifies senders by address alone, the sender's target has an AAAA record (as " +
				"probed, or by Get-IPv6StatusForAcceptedDomain), and `ip_protocol` of the sender is not `ip4`. UNCERTAIN; info " +
				"for a sender that is assumed",
			Remedy: "Configure the sender to present a certificate and set TlsSenderCertificateName, because " +
				"SenderIPAddresses cannot contain IPv6. Or configure the sender to use IPv4 only, and set " +
				"`probe.ip_protocol: ip4` for it. Or run Disable-IPv6ForAcceptedDomain.",
			Source: "MC835648; Set-InboundConnector, SenderIPAddresses (\"IPv6 addresses are not supported\")",
			Find:   eachSender(findIPv6Bypass),
		},
		{
			Code: "ipv6_not_probed", Severity: Info, Scope: ScopePath,
			Title: "A mail server's IPv6 address is not probed, and Exchange Online prefers it",
			When: "A next hop of an outbound connector has an AAAA record, and this host has no IPv6 or `ip_protocol` " +
				"excludes it, so that nothing is known about that address. UNCERTAIN: that Exchange Online prefers IPv6 is from " +
				"a blog",
			Remedy: "Allow Exchange Online's IPv6 ranges to connect to the address " +
				"(`m365_connector_exporter audit --firewall=FILE` lists them), or remove the AAAA record. Probe it " +
				"from a host with IPv6.",
			Source: "Exchange Team blog 4283063; Microsoft 365 URLs and IP address ranges",
			Find:   eachProbed(findIPv6NotProbed),
		},
	}
}

func findIPv6NotProbed(_ *Facts, p *Path, report func(Finding)) {
	if p.ID.Direction != mailflow.Outbound || p.Newest == nil {
		return
	}
	for i := range p.Newest.Endpoints {
		e := &p.Newest.Endpoints[i]
		_, step, _ := e.FirstProblem()
		if e.Addr.Addr().Is6() && step.Reason == probes.ReasonFamilyUnavailable {
			report(newFinding("%s has the IPv6 address %s, which this host cannot reach.", e.Host, e.Addr.Addr()).
				uncertain("Exchange Online's preference for IPv6 is from a blog post"))
		}
	}
}

const uncertainIPv6 = "MC835648 says that the IP versions of source and destination must match; how Exchange Online " +
	"attributes mail of a dual-stack sender is not documented"

func findIPv6Bypass(_ *Facts, s sender, report func(Finding)) {
	byAddress := attributes(s.connector) && byAddressAlone(s.connector) && len(s.connector.SenderIPAddresses) > 0
	if !byAddress || !s.connector.IsKnown("tls_sender_certificate_name") || s.usesIPv4() {
		return
	}
	why := s.ipv6Evidence()
	if why == "" {
		return
	}
	one := newFinding("%s, and the connector identifies its senders by IPv4 addresses alone.", why)
	one = one.uncertain(uncertainIPv6)
	if s.Assumed {
		one = one.withSeverity(Info)
	}
	report(one)
}

// usesIPv4 reports whether the sender is configured to use IPv4 only.
func (s sender) usesIPv4() bool { return s.path != nil && s.path.Settings.Protocol == probes.IP4 }

// ipv6Evidence returns how it is known that the sender's target has an IPv6 address; "" if it is not.
func (s sender) ipv6Evidence() string {
	if s.path != nil && s.path.Conclusive != nil {
		for _, e := range s.path.Conclusive.Endpoints {
			if e.HasIPv6 {
				return "The sender's target " + e.Host + " has an IPv6 address"
			}
		}
	}
	domain := s.tenant.DefaultDomain()
	if s.Target != "" {
		domain, _ = s.tenant.ownMX(s.Target)
	}
	if domain != "" && mailflow.StatusOf(s.tenant.Organization.IPv6, domain) == "Enabled" {
		return "IPv6 is enabled for " + domain + " (Get-IPv6StatusForAcceptedDomain)"
	}
	return ""
}
