package check

import (
	"slices"

	"m365_connector_exporter/probes/mailflow"
)

// tenantChecks judge a tenant's accepted domains and what is known of it.
func tenantChecks() []Check {
	return []Check{
		{
			Code: "tenant_not_loaded", Severity: Critical,
			Title:    "The tenant's files could not be read",
			When:     "The tenant's own file, an export or a certificate file does not load. What was known before is still watched",
			Remedy:   "Correct the file; `--config.check` names it, with the line.",
			Source:   "This exporter's configuration",
			Silences: []string{"accepted_domains_unknown", "inventory_stale", "inbound_connector_without_sender", "internal_relay_without_connector"},
			Find: eachTenant(func(_ *Facts, t *tenant, report func(Finding)) {
				if t.LoadError != "" {
					report(newFinding("%s", t.LoadError))
				}
			}),
		},
		{
			Code: "accepted_domains_unknown", Severity: Warning,
			Title:  "The tenant has connectors and no accepted domain",
			When:   "No accepted domain is configured or exported. What needs them is not judged: certificate domains, attribution, scopes",
			Remedy: "Export Get-AcceptedDomain too, or list `accepted_domains`.",
			Source: "Get-AcceptedDomain; MC1226222",
			Find: eachTenant(func(_ *Facts, t *tenant, report func(Finding)) {
				if connectors := len(t.Outbound) + len(t.Inbound); connectors > 0 && len(t.AcceptedDomains) == 0 {
					report(newFinding("Connectors known: %d. Accepted domains known: none.", connectors))
				}
			}),
		},
		{
			Code: "inventory_stale", Severity: Warning,
			Title:  "The tenant's exports are old",
			When:   "The oldest export in use is older than `inventory_max_age`",
			Remedy: "Run deploy/powershell/Export-M365Connectors.ps1 again, best by a schedule.",
			Source: "This exporter's configuration, `inventory_max_age`",
			Find: eachTenant(func(f *Facts, t *tenant, report func(Finding)) {
				if older(f.Now, t.InventoryTime, f.Thresholds.InventoryMaxAge) {
					report(newFinding("The oldest export in use is of %s.", day(t.InventoryTime)))
				}
			}),
		},
		{
			Code: "internal_relay_without_connector", Severity: Warning,
			Title:  "Mail to unknown recipients has no way out",
			When:   "An accepted domain is InternalRelay, its MX leads to Exchange Online, and no outbound connector that is turned on takes its mail. Without a network (`audit`) the MX is not known: info",
			Remedy: "Make an outbound connector for the domain, or set it to Authoritative if all its recipients are in Exchange Online.",
			Source: "Set-AcceptedDomain, DomainType; 4.4.316; 5.4.14 routing loop detected",
			Find:   eachTenant(findInternalRelay),
		},
		{
			Code: "accepted_domain_mx_elsewhere", Severity: Info,
			Title:  "The MX of an accepted domain does not lead to Exchange Online",
			When:   "DNS was asked, and no MX of the domain is a host of Exchange Online: mail comes through a gateway or own servers",
			Remedy: "Nothing to do if it is meant. Filters then see the gateway's address: Enhanced Filtering for connectors looks behind it.",
			Source: "enhanced-filtering-for-connectors; MC1048624",
			Find: eachTenant(func(f *Facts, t *tenant, report func(Finding)) {
				for _, d := range t.AcceptedDomains {
					if _, leads := f.leadsToExchange(d.Name); !leads && len(f.MX[d.Name]) > 0 && d.OutboundOnly != mailflow.Yes {
						report(newFinding("The MX of %s is %s.", d.Name, list(f.MX[d.Name])))
					}
				}
			}),
		},
	}
}

func findInternalRelay(f *Facts, t *tenant, report func(Finding)) {
	for _, d := range t.AcceptedDomains {
		if d.Type != "InternalRelay" || d.OutboundOnly == mailflow.Yes || hasConnectorFor(t, d.Name) {
			continue
		}
		if host, leads := f.leadsToExchange(d.Name); leads {
			report(newFinding("%s is InternalRelay, its MX is %s, and no outbound connector is for it.", d.Name, host))
		} else if f.NoNetwork {
			report(newFinding("%s is InternalRelay, and no outbound connector is for it.", d.Name).withSeverity(Info))
		}
	}
}

// hasConnectorFor tells that an outbound connector may take mail to an accepted domain; one that a mail flow rule uses may.
func hasConnectorFor(t *tenant, domain string) bool {
	return slices.ContainsFunc(t.Outbound, func(c mailflow.OutboundConnector) bool {
		return judgedOutbound(&c) && (c.AllAcceptedDomains == mailflow.Yes || c.IsTransportRuleScoped == mailflow.Yes || anyPatternMatches(c.RecipientDomains, domain))
	})
}
