package check

import (
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// routingChecks judge which mail an outbound connector gets.
func routingChecks() []Check {
	return []Check{
		{
			Code: "connectors_overlap", Severity: Warning, Scope: ScopeConnector,
			Title: "More than one connector matches the same mail",
			When: "Outbound: two connectors have the same rank for a domain in the documented order (exact domain, all " +
				"accepted domains, wildcard; the longer of two wildcards is more specific), or one is for all accepted domains " +
				"and the other's wildcard matches one of them (UNCERTAIN: Microsoft's own example contradicts its order; info if " +
				"that wildcard is `*`: routing the tenant's own domains to its servers and the rest to a gateway is common). " +
				"Connectors used by a mail flow rule are not compared. Inbound: two connectors match one sender by certificate, " +
				"or two by address; or they have the same TlsSenderCertificateName, no address, and no sender with a certificate",
			Remedy: "Narrow or remove one of the connectors so that each domain and each sender has one.",
			Source: "set-up-connectors-to-route-mail, \"What happens when I have multiple connectors\"; " +
				"set-up-connectors-for-secure-mail-flow-with-a-partner",
			Find: func(f *Facts, report func(Finding)) {
				eachTenant(findOutboundOverlap)(f, report)
				findInboundOverlap(f, report)
				eachTenant(findSameCertificateName)(f, report)
			},
		},
		{
			Code: "recipient_outside_scope", Severity: Warning, Scope: ScopeOutbound,
			Title: "A validation recipient is outside the connector's domains",
			When: "The domain of one of ValidationRecipients is not in RecipientDomains and, if AllAcceptedDomains is true, " +
				"not an accepted domain. Not judged if a mail flow rule selects the mail",
			Remedy: "Use a recipient in one of the connector's domains: validation with any other recipient fails.",
			Source: "KB 3179588 (\"The domain of the recipient is not configured as part of connector\"); " +
				"Validate-OutboundConnector, Recipients",
			Find: eachOutbound(findRecipientOutside),
		},
		{
			Code: "connector_never_used", Severity: Warning, Scope: ScopeOutbound,
			Title:    "No mail is routed to the connector",
			When:     "RecipientDomains is empty, AllAcceptedDomains is false and IsTransportRuleScoped is false",
			Remedy:   "Add recipient domains, use the connector in a mail flow rule, or remove it.",
			Source:   "Set-OutboundConnector, RecipientDomains, AllAcceptedDomains, IsTransportRuleScoped",
			Silences: []string{"connector_not_probeable", "connector_not_validated", "connector_validation_stale"},
			Find:     eachOutbound(findNeverUsed),
		},
	}
}

func findNeverUsed(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
	unscoped := len(c.RecipientDomains) == 0 && c.IsKnown("recipient_domains")
	if unscoped && c.AllAcceptedDomains == mailflow.No && c.IsTransportRuleScoped == mailflow.No {
		report(newFinding("RecipientDomains is empty, AllAcceptedDomains and IsTransportRuleScoped are false."))
	}
}

func findRecipientOutside(_ *Facts, t *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
	all := c.ForAcceptedDomains() == mailflow.Yes
	unknown := len(c.RecipientDomains) == 0 && !all || all && len(t.AcceptedDomains) == 0 ||
		!c.IsKnown("recipient_domains")
	if unknown || c.IsTransportRuleScoped == mailflow.Yes || len(c.ValidationRecipients) == 0 {
		return
	}
	patterns := newPatternSet(c.RecipientDomains)
	scope := list(c.RecipientDomains)
	if all {
		scope = strings.TrimPrefix(scope+" and all accepted domains", " and ")
	}
	for _, recipient := range c.ValidationRecipients {
		_, domain, ok := strings.Cut(recipient, "@")
		if !ok || patterns.matches(domain) {
			continue
		}
		if _, accepted := t.domains.Match(domain); !all || !accepted {
			report(newFinding("A validation recipient is at %s, the connector is for %s.", domain, scope))
		}
	}
}
