package check

import (
	"slices"

	"m365_connector_exporter/probes/mailflow"
)

// tenantChecks judge a tenant's accepted domains and its inventory.
func tenantChecks() []Check {
	return []Check{
		{
			Code: "tenant_not_loaded", Severity: Critical, Scope: ScopeTenant,
			Title: "The tenant does not load",
			When: "The tenant's own file, an export or a certificate file does not load, or nothing has been read from " +
				"Exchange Online yet. The last good state is still monitored",
			Remedy: "Correct the file; `m365_connector_exporter --config.check` prints its name and the line. If the tenant " +
				"is read from Exchange Online, `m365_connector_exporter fetch --check` names what is missing.",
			Source: "This exporter's configuration",
			Silences: []string{
				"accepted_domains_unknown", "inventory_stale", "inbound_connector_without_sender",
				"internal_relay_without_connector",
			},
			Find: eachTenant(func(_ *Facts, t *tenant, report func(Finding)) {
				if t.LoadError != "" {
					report(newFinding("%s", t.LoadError))
				}
			}),
		},
		{
			Code: "accepted_domains_unknown", Severity: Warning, Scope: ScopeTenant,
			Title: "The tenant has connectors but no accepted domain",
			When: "No accepted domain is configured or exported. Checks that need them (certificate domains, attribution, " +
				"scopes) are not judged",
			Remedy: "Export Get-AcceptedDomain too, or configure `accepted_domains`.",
			Source: "Get-AcceptedDomain; MC1226222",
			Find: eachTenant(func(_ *Facts, t *tenant, report func(Finding)) {
				if connectors := len(t.Outbound) + len(t.Inbound); connectors > 0 && len(t.AcceptedDomains) == 0 {
					report(newFinding("Known connectors: %d. Known accepted domains: 0.", connectors))
				}
			}),
		},
	}
}

// domainChecks judge accepted domains.
func domainChecks() []Check {
	return []Check{
		{
			Code: "accepted_domain_in_two_tenants", Severity: Critical, Scope: ScopeTenant,
			Title: "An accepted domain of the tenant is also one of another tenant",
			When: "The same accepted domain is known for two configured tenants. Exchange Online accepts a domain in one " +
				"tenant only: an export is in the wrong folder, or the domain moved and an export is outdated",
			Remedy: "Find out which tenant has the domain now. If an export is in the wrong tenant's folder, move it; if the " +
				"domain moved, export Get-AcceptedDomain of both tenants again.",
			Source:   "Get-AcceptedDomain; MC1226222 (mail is attributed to the tenant that accepts the domain)",
			Silences: []string{"attribution_ambiguous"},
			Find:     findDomainInTwoTenants,
		},
		{
			Code: "accepted_domain_disabled", Severity: Warning, Scope: ScopeTenant,
			Title: "An accepted domain that a connector uses is blocked or being removed",
			When: "An enabled outbound connector is for an accepted domain with SendingToDomainDisabled or PendingRemoval, or " +
				"a sender of an enabled inbound connector sends from one with SendingFromDomainDisabled or PendingRemoval",
			Remedy: "If the domain is still in use, set SendingFromDomainDisabled and SendingToDomainDisabled to false, or " +
				"add the domain again. Otherwise remove it from the connector and the sender.",
			Source: "Set-AcceptedDomain, SendingFromDomainDisabled, SendingToDomainDisabled; Get-AcceptedDomain, PendingRemoval",
			Find:   eachTenant(findDisabledDomain),
		},
		{
			Code: "inventory_stale", Severity: Warning, Scope: ScopeTenant,
			Title: "The tenant's exports are old",
			When:  "The oldest export in use is older than `inventory_max_age`",
			Remedy: "Run deploy/powershell/Export-M365Connectors.ps1 again, preferably on a schedule. If the tenant is read " +
				"from Exchange Online, `m365_connector_exporter fetch --check` names what fails.",
			Source: "This exporter's configuration, `inventory_max_age`",
			Find: eachTenant(func(f *Facts, t *tenant, report func(Finding)) {
				if older(f.Now, t.InventoryTime, f.Thresholds.InventoryMaxAge) {
					report(newFinding("The oldest export in use is from %s.", day(t.InventoryTime)))
				}
			}),
		},
		{
			Code: "internal_relay_without_connector", Severity: Warning, Scope: ScopeTenant,
			Title: "An internal relay domain has no outbound connector",
			When: "An accepted domain is InternalRelay, its MX points to Exchange Online, and no enabled outbound connector " +
				"gets its mail, so mail to recipients that are not in Exchange Online cannot be delivered. Without network " +
				"(`audit`) the MX is unknown: info",
			Remedy: "Create an outbound connector for the domain, or set the domain to Authoritative if all its recipients " +
				"are in Exchange Online.",
			Source: "Set-AcceptedDomain, DomainType; 4.4.316; 5.4.14 routing loop detected",
			Find:   eachTenant(findInternalRelay),
		},
		{
			Code: "accepted_domain_mx_elsewhere", Severity: Info, Scope: ScopeTenant,
			Title: "The MX of an accepted domain does not point to Exchange Online",
			When: "DNS was queried, and no MX of the domain is a host of Exchange Online: mail arrives through a gateway or " +
				"your own servers",
			Remedy: "No action needed if this is intentional. Filters then see the gateway's address unless Enhanced " +
				"Filtering for Connectors skips it.",
			Source: "enhanced-filtering-for-connectors; MC1048624",
			Find:   eachTenant(findMXElsewhere),
		},
	}
}

// findDomainInTwoTenants names at most maxListed of the other tenants with a domain, and counts all.
func findDomainInTwoTenants(f *Facts, report func(Finding)) {
	shared := sharedDomains(f.index.tenants)
	if len(shared) == 0 {
		return
	}
	eachTenant(func(_ *Facts, t *tenant, report func(Finding)) {
		for _, d := range t.AcceptedDomains {
			domain, _ := mailflow.NormaliseDomain(d.Name)
			tenants := shared[domain]
			if len(tenants) == 0 {
				continue
			}
			others := slices.DeleteFunc(slices.Clone(tenants[:min(len(tenants), maxListed+1)]), func(name string) bool {
				return name == t.Name
			})
			report(newFinding("%s is also an accepted domain of %s.", domain, listOf(others, len(tenants)-1)).
				withPrivate("%s is also an accepted domain of %s.", domain, countTenants(len(tenants)-1)))
		}
	})(f, report)
}

// sharedDomains returns the tenants of each accepted domain that more than one tenant has.
func sharedDomains(tenants []*tenant) map[string][]string {
	first, shared := map[string]*tenant{}, map[string][]string{}
	for _, t := range tenants {
		for _, d := range t.AcceptedDomains {
			domain, ok := mailflow.NormaliseDomain(d.Name)
			if !ok {
				continue
			}
			switch known := first[domain]; {
			case known == nil:
				first[domain] = t
			case known == t:
			case len(shared[domain]) == 0:
				shared[domain] = []string{known.Name, t.Name}
			case shared[domain][len(shared[domain])-1] != t.Name:
				shared[domain] = append(shared[domain], t.Name)
			}
		}
	}
	return shared
}

func findDisabledDomain(_ *Facts, t *tenant, report func(Finding)) {
	var disabled []mailflow.AcceptedDomain
	for _, d := range t.AcceptedDomains {
		if slices.Contains([]mailflow.Tri{d.PendingRemoval, d.SendingFromDisabled, d.SendingToDisabled}, mailflow.Yes) {
			disabled = append(disabled, d)
		}
	}
	if len(disabled) == 0 {
		return
	}
	routed, senders := routedDomains(t), sendingDomains(t)
	for _, d := range disabled {
		sends := senders[d.Name]
		switch {
		case routed.matches(d.Name) && d.SendingToDisabled == mailflow.Yes:
			report(newFinding("SendingToDomainDisabled is true for %s, and an outbound connector is for it.", d.Name))
		case sends != "" && d.SendingFromDisabled == mailflow.Yes:
			report(newFinding("SendingFromDomainDisabled is true for %s, and the sender %s sends from it.", d.Name, sends))
		case d.PendingRemoval == mailflow.Yes && (sends != "" || routed.matches(d.Name)):
			report(newFinding("PendingRemoval is true for %s, and a connector uses it.", d.Name))
		}
	}
}

// sendingDomains returns a sender of an enabled connector for each MAIL FROM domain.
func sendingDomains(t *tenant) map[string]string {
	senders := map[string]string{}
	for i := range t.Senders {
		s := &t.Senders[i]
		if c := t.inbound[s.Connector]; c == nil || !c.IsEnabled() {
			continue
		}
		for _, domain := range s.MailFromDomains {
			if senders[domain] == "" {
				senders[domain] = s.Name
			}
		}
	}
	return senders
}

func findMXElsewhere(f *Facts, t *tenant, report func(Finding)) {
	for _, d := range t.AcceptedDomains {
		_, here := f.exchangeOnlineMX(d.Name)
		if !here && len(f.MX[d.Name]) > 0 && d.OutboundOnly != mailflow.Yes {
			report(newFinding("The MX of %s is %s.", d.Name, list(f.MX[d.Name])))
		}
	}
}

func findInternalRelay(f *Facts, t *tenant, report func(Finding)) {
	var routed *patternSet
	for _, d := range t.AcceptedDomains {
		if d.Type != "InternalRelay" || d.OutboundOnly == mailflow.Yes {
			continue
		}
		if routed == nil {
			patterns := routedDomains(t)
			routed = &patterns
		}
		if routed.matches(d.Name) {
			continue
		}
		if host, ok := f.exchangeOnlineMX(d.Name); ok {
			report(newFinding("%s is InternalRelay, its MX is %s, and no outbound connector is for it.", d.Name, host))
		} else if f.NoNetwork {
			report(newFinding("%s is InternalRelay, and no outbound connector is for it.", d.Name).withSeverity(Info))
		}
	}
}

// routedDomains returns the domains whose mail an outbound connector may get; all of them if a mail flow rule uses one.
func routedDomains(t *tenant) patternSet {
	patterns := patternSet{}
	for i := range t.Outbound {
		c := &t.Outbound[i]
		switch {
		case !judgedOutbound(c):
		case c.ForAcceptedDomains() == mailflow.Yes || c.IsTransportRuleScoped == mailflow.Yes:
			patterns.add([]string{"*"})
		default:
			patterns.add(c.RecipientDomains)
		}
	}
	return patterns
}
