package check

import (
	"slices"

	"m365_connector_exporter/probes/mailflow"
)

// restrictionChecks judge what an inbound connector refuses, promotes and skips.
func restrictionChecks() []Check {
	return []Check{
		{
			Code: "restriction_without_list", Severity: Critical,
			Title:    "A restriction admits nobody",
			When:     "A Partner connector restricts its sender domains to addresses and SenderIPAddresses is empty, or to a certificate and TlsSenderCertificateName is empty",
			Remedy:   "Fill the list, or turn the restriction off: all mail of these domains is refused with 5.7.51.",
			Source:   "Set-InboundConnector, RestrictDomainsToIPAddresses, RestrictDomainsToCertificate",
			Silences: []string{"partner_lockout"},
			Find: eachInbound(func(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				if c.Type != mailflow.Partner {
					return
				}
				if c.RestrictDomainsToIPAddresses == mailflow.Yes && len(c.SenderIPAddresses) == 0 && c.IsKnown("sender_ip_addresses") {
					report(newFinding("RestrictDomainsToIPAddresses is true and SenderIPAddresses is empty."))
				}
				if c.RestrictDomainsToCertificate == mailflow.Yes && c.TLSSenderCertificateName == "" && c.IsKnown("tls_sender_certificate_name") {
					report(newFinding("RestrictDomainsToCertificate is true and TlsSenderCertificateName is empty."))
				}
			}),
		},
		{
			Code: "restriction_without_effect", Severity: Warning,
			Title:  "A restriction has no effect",
			When:   "RestrictDomainsToIPAddresses or RestrictDomainsToCertificate is true on an OnPremises connector",
			Remedy: "Restrict with a Partner connector; only there the property counts.",
			Source: "Set-InboundConnector, RestrictDomainsToIPAddresses, RestrictDomainsToCertificate",
			Find: eachInbound(func(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				if c.Type != mailflow.OnPremises {
					return
				}
				for _, name := range restrictions(c) {
					report(newFinding("%s is true, ConnectorType is OnPremises.", name))
				}
			}),
		},
		{
			Code: "partner_lockout", Severity: Critical,
			Title:  "Only listed partners can send mail to the tenant",
			When:   "A Partner connector for all sender domains (*) restricts them. Critical where the MX of an accepted domain leads to Exchange Online, for then all other mail from the internet is refused; else info: behind a gateway it is good practice",
			Remedy: "Lead the MX of all domains to the gateway, or narrow SenderDomains.",
			Source: "set-up-connectors-for-secure-mail-flow-with-a-partner, example 4; 5.7.51",
			Find:   eachInbound(findPartnerLockout),
		},
		{
			Code: "treat_as_internal_conflict", Severity: Warning,
			Title:  "TreatMessagesAsInternal contradicts another property",
			When:   "TreatMessagesAsInternal is true together with CloudServicesMailEnabled, or on a connector that is not OnPremises",
			Remedy: "Turn TreatMessagesAsInternal off: it bypasses spam filtering, and hybrid connectors do not need it.",
			Source: "Set-InboundConnector, TreatMessagesAsInternal",
			Find: eachInbound(func(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				if c.TreatMessagesAsInternal != mailflow.Yes {
					return
				}
				if c.CloudServicesMailEnabled == mailflow.Yes {
					report(newFinding("TreatMessagesAsInternal and CloudServicesMailEnabled are true."))
				}
				if c.Type != mailflow.OnPremises && c.Type != "" {
					report(newFinding("TreatMessagesAsInternal is true, ConnectorType is %s.", c.Type))
				}
			}),
		},
		{
			Code: "enhanced_filtering_incomplete", Severity: Warning,
			Title:  "Enhanced Filtering works for a part only",
			When:   "Enhanced Filtering is on (EFSkipLastIP, or EFSkipIPs), and EFUsers limits it to some recipients, or EFSkipIPs has private addresses or Microsoft's own, which it does not support",
			Remedy: "Empty EFUsers when the trial is over; leave only the public addresses of own gateways in EFSkipIPs.",
			Source: "enhanced-filtering-for-connectors",
			Find:   eachInbound(findEnhancedFiltering),
		},
	}
}

// restrictions are the names of the restrictions that are on.
func restrictions(c *mailflow.InboundConnector) []string {
	var on []string
	if c.RestrictDomainsToIPAddresses == mailflow.Yes {
		on = append(on, "RestrictDomainsToIPAddresses")
	}
	if c.RestrictDomainsToCertificate == mailflow.Yes {
		on = append(on, "RestrictDomainsToCertificate")
	}
	return on
}

func findPartnerLockout(f *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
	on := restrictions(c)
	everybody := slices.ContainsFunc(c.SenderDomains, func(d string) bool { d, _ = mailflow.NormaliseDomain(d); return d == "*" })
	if c.Type != mailflow.Partner || len(on) == 0 || !everybody {
		return
	}
	reached := false
	for _, d := range t.AcceptedDomains {
		if host, ok := f.leadsToExchange(d.Name); ok && !mailflow.IsInitialDomain(d.Name) {
			reached = true
			report(newFinding("SenderDomains has *, %s is true, and the MX of %s is %s.", list(on), d.Name, host))
		}
	}
	if !reached {
		report(newFinding("SenderDomains has * and %s is true; no MX of an accepted domain is known to lead to Exchange Online.", list(on)).withSeverity(Info))
	}
}

// leadsToExchange tells that an MX of a domain is a host of Exchange Online.
func (f *Facts) leadsToExchange(domain string) (host string, ok bool) {
	for _, mx := range f.MX[domain] {
		if mailflow.IsExchangeOnline(mx, f.ExchangeHosts) {
			return mx, true
		}
	}
	return "", false
}

func findEnhancedFiltering(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
	if c.EFSkipLastIP != mailflow.Yes && len(c.EFSkipIPs) == 0 {
		return
	}
	if len(c.EFUsers) > 0 {
		report(newFinding("EFUsers limits Enhanced Filtering to %d recipients.", len(c.EFUsers)))
	}
	for _, text := range c.EFSkipIPs {
		r, fault := mailflow.ParseRange(text)
		if fault == mailflow.RangeUnreadable {
			continue
		}
		if why := notPubliclyRoutable(r); why != "" {
			report(newFinding("EFSkipIPs has %s: it is %s.", text, why))
		}
		if known, ok := mailflow.ExchangeOnlineRange(r); ok {
			report(newFinding("EFSkipIPs has %s: it lies in %s, a range of Exchange Online.", text, known))
		}
	}
}
