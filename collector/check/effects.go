package check

import (
	"m365_connector_exporter/probes/mailflow"
)

// effectChecks find properties that Exchange Online ignores because another property is not set. They do no harm, but
// someone may rely on them.
func effectChecks() []Check {
	return []Check{
		{
			Code: "restriction_without_effect", Severity: Info, Scope: ScopeInbound,
			Title: "A restriction has no effect on an OnPremises connector",
			When:  "RestrictDomainsToIPAddresses or RestrictDomainsToCertificate is true on an OnPremises connector",
			Remedy: "No action needed: the property does no harm. To refuse mail from other sources, use a Partner connector " +
				"with the restriction.",
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
			Code: "list_without_effect", Severity: Info, Scope: ScopeInbound,
			Title: "A Partner connector has addresses or a certificate name that nothing enforces",
			When: "A Partner connector has SenderIPAddresses and RestrictDomainsToIPAddresses is false, or it has " +
				"TlsSenderCertificateName and both RestrictDomainsToCertificate and RequireTls are false: mail from other " +
				"sources is accepted too",
			Remedy: "To accept the partner's mail only from these sources, set the restriction to true; otherwise clear the " +
				"list.",
			Source: "Set-InboundConnector, RestrictDomainsToIPAddresses, RestrictDomainsToCertificate, TlsSenderCertificateName",
			Find:   eachInbound(findUnenforcedList),
		},
	}
}

func partnerEffectChecks() []Check {
	return []Check{
		{
			Code: "property_without_effect", Severity: Info, Scope: ScopeOutbound,
			Title: "A property has no effect on a Partner connector",
			When: "AllAcceptedDomains, RouteAllMessagesViaOnPremises or SenderRewritingEnabled is true on a Partner outbound " +
				"connector",
			Remedy: "If the mail is for your own servers, set ConnectorType to OnPremises; otherwise set the property to false.",
			Source: "Set-OutboundConnector, AllAcceptedDomains, RouteAllMessagesViaOnPremises, SenderRewritingEnabled",
			Find:   eachOutbound(findIneffectiveProperty),
		},
		{
			Code: "tls_required_of_everyone", Severity: Info, Scope: ScopeInbound,
			Title: "A Partner connector requires TLS of all senders",
			When: "A Partner connector for all sender domains (*) has RequireTls and no restriction: mail without TLS is " +
				"refused, from any sender",
			Remedy: "No action needed if this is intentional. Otherwise list the partner's domains in SenderDomains.",
			Source: "Set-InboundConnector, RequireTls, SenderDomains",
			Find: eachInbound(func(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				unrestricted := c.RestrictDomainsToIPAddresses == mailflow.No && c.RestrictDomainsToCertificate == mailflow.No
				everyone := unrestricted && forAllSenders(c) && len(c.TrustedOrganizations) == 0
				if c.Type == mailflow.Partner && c.RequireTLS == mailflow.Yes && everyone {
					report(newFinding("SenderDomains contains * and RequireTls is true."))
				}
			}),
		},
	}
}

func findUnenforcedList(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
	if c.Type != mailflow.Partner {
		return
	}
	if len(c.SenderIPAddresses) > 0 && c.RestrictDomainsToIPAddresses == mailflow.No {
		report(newFinding("RestrictDomainsToIPAddresses is false; SenderIPAddresses: %s.", list(c.SenderIPAddresses)))
	}
	unchecked := c.RestrictDomainsToCertificate == mailflow.No && c.RequireTLS == mailflow.No
	if c.TLSSenderCertificateName != "" && unchecked {
		report(newFinding("RestrictDomainsToCertificate and RequireTls are false; TlsSenderCertificateName is %s.",
			c.TLSSenderCertificateName))
	}
}

func findIneffectiveProperty(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
	if c.Type != mailflow.Partner {
		return
	}
	for _, property := range []struct {
		name  string
		value mailflow.Tri
	}{
		{"AllAcceptedDomains", c.AllAcceptedDomains},
		{"RouteAllMessagesViaOnPremises", c.RouteAllMessagesViaOnPremises},
		{"SenderRewritingEnabled", c.SenderRewritingEnabled},
	} {
		if property.value == mailflow.Yes {
			report(newFinding("%s is true, ConnectorType is Partner.", property.name))
		}
	}
}
