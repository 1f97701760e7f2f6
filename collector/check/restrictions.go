package check

import (
	"slices"

	"m365_connector_exporter/probes/mailflow"
)

// restrictionChecks judge what an inbound connector refuses, trusts and skips.
func restrictionChecks() []Check {
	return []Check{
		{
			Code: "restriction_without_list", Severity: Critical, Scope: ScopeInbound,
			Title: "A restriction refuses all mail of its sender domains",
			When: "A Partner connector has RestrictDomainsToIPAddresses and no SenderIPAddresses, or " +
				"RestrictDomainsToCertificate and no TlsSenderCertificateName",
			Remedy: "Enter the addresses or the certificate name, or turn the restriction off: all mail from these domains is " +
				"refused with 5.7.51.",
			Source:   "Set-InboundConnector, RestrictDomainsToIPAddresses, RestrictDomainsToCertificate",
			Silences: []string{"partner_lockout", "enhanced_filtering_off"},
			Find:     eachInbound(findEmptyRestriction),
		},
		{
			Code: "partner_lockout", Severity: Critical, Scope: ScopeInbound,
			Title: "A Partner connector for all sender domains refuses mail from everyone it does not list",
			When: "A Partner connector for all sender domains (*) restricts them. Critical if the MX of an accepted domain " +
				"points to Exchange Online, because all other mail from the internet is then refused; else info: behind a " +
				"gateway it is good practice",
			Remedy: "Point the MX of all domains to the gateway, or narrow SenderDomains.",
			Source: "set-up-connectors-for-secure-mail-flow-with-a-partner, example 4; 5.7.51",
			Find:   eachInbound(findPartnerLockout),
		},
		{
			Code: "treat_as_internal_conflict", Severity: Warning, Scope: ScopeInbound,
			Title: "TreatMessagesAsInternal conflicts with another property",
			When: "TreatMessagesAsInternal is true together with CloudServicesMailEnabled, or on a connector that is not of " +
				"type OnPremises",
			Remedy:   "Set TreatMessagesAsInternal to false: it bypasses spam filtering, and hybrid connectors do not need it.",
			Source:   "Set-InboundConnector, TreatMessagesAsInternal",
			Silences: []string{"treat_as_internal"},
			Find:     eachInbound(findInternalConflict),
		},
		{
			Code: "enhanced_filtering_off", Severity: Info, Scope: ScopeInbound,
			Title: "Enhanced Filtering is off for a connector that only accepts mail from a gateway",
			When: "A Partner connector for all sender domains (*) restricts them, no accepted domain's MX is known to point " +
				"to Exchange Online, and EFSkipLastIP is false and EFSkipIPs empty: filters see the gateway's address instead of " +
				"the sender's",
			Remedy: "Turn on Enhanced Filtering for Connectors so that it skips the gateway.",
			Source: "enhanced-filtering-for-connectors",
			Find: eachInbound(func(_ *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				locked := c.Type == mailflow.Partner && len(restrictions(c)) > 0 && forAllSenders(c)
				off := c.EFSkipLastIP == mailflow.No && len(c.EFSkipIPs) == 0 && c.IsKnown("ef_skip_ips")
				if locked && off && len(t.atExchange) == 0 {
					report(newFinding("EFSkipLastIP is false and EFSkipIPs is empty."))
				}
			}),
		},
		{
			Code: "enhanced_filtering_incomplete", Severity: Warning, Scope: ScopeInbound,
			Title: "Enhanced Filtering is only partly effective",
			When: "Enhanced Filtering is on (EFSkipLastIP, or EFSkipIPs), and EFUsers limits it to some recipients, or " +
				"EFSkipIPs contains private addresses or Microsoft's own, which it does not support",
			Remedy: "Clear EFUsers when the trial is over; keep only the public addresses of your gateways in EFSkipIPs.",
			Source: "enhanced-filtering-for-connectors",
			Find:   eachInbound(findEnhancedFiltering),
		},
	}
}

func findEmptyRestriction(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
	if c.Type != mailflow.Partner {
		return
	}
	byIP, byCertificate := c.RestrictDomainsToIPAddresses == mailflow.Yes, c.RestrictDomainsToCertificate == mailflow.Yes
	if byIP && len(c.SenderIPAddresses) == 0 && c.IsKnown("sender_ip_addresses") {
		report(newFinding("RestrictDomainsToIPAddresses is true and SenderIPAddresses is empty."))
	}
	if byCertificate && c.TLSSenderCertificateName == "" && c.IsKnown("tls_sender_certificate_name") {
		report(newFinding("RestrictDomainsToCertificate is true and TlsSenderCertificateName is empty."))
	}
}

func findInternalConflict(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
	if c.TreatMessagesAsInternal != mailflow.Yes {
		return
	}
	if c.CloudServicesMailEnabled == mailflow.Yes {
		report(newFinding("TreatMessagesAsInternal and CloudServicesMailEnabled are true."))
	}
	if c.Type != mailflow.OnPremises && c.Type != "" {
		report(newFinding("TreatMessagesAsInternal is true, ConnectorType is %s.", c.Type))
	}
}

// restrictions returns the names of the restrictions that are on.
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

// forAllSenders reports whether a connector's sender domains include *.
func forAllSenders(c *mailflow.InboundConnector) bool {
	return slices.ContainsFunc(c.SenderDomains, func(d string) bool {
		d, _ = mailflow.NormaliseDomain(d)
		return d == "*"
	})
}

func findPartnerLockout(_ *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
	on := restrictions(c)
	if c.Type != mailflow.Partner || len(on) == 0 || !forAllSenders(c) {
		return
	}
	if len(t.atExchange) > 0 {
		report(newFinding("SenderDomains contains *, %s is true, and the MX of %s points to Exchange Online.",
			list(on), list(t.atExchange)))
		return
	}
	report(newFinding("SenderDomains contains * and %s is true; no accepted domain's MX is known to point to Exchange "+
		"Online.", list(on)).withSeverity(Info))
}

// exchangeOnlineMX returns the MX of a domain that is a host of Exchange Online, if there is one.
func (f *Facts) exchangeOnlineMX(domain string) (host string, ok bool) {
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
		r, problem := mailflow.ParseRange(text)
		if problem == mailflow.RangeUnreadable {
			continue
		}
		if kind := notPubliclyRoutable(r); kind != "" {
			report(newFinding("EFSkipIPs contains %s, which is %s.", text, kind))
		}
		if published, ok := mailflow.ExchangeOnlineRange(r); ok {
			report(newFinding("EFSkipIPs contains %s, which is in %s, a range of Exchange Online.", text, published))
		}
	}
}
