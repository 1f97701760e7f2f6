package check

import (
	"m365_connector_exporter/probes/mailflow"
)

// loopChecks find mail that an outbound connector returns to Exchange Online.
func loopChecks() []Check {
	return []Check{{
		Code: "mail_loop", Severity: Critical, Scope: ScopeOutbound,
		Title: "Mail to an accepted domain returns to Exchange Online",
		When: "An OnPremises connector with UseMXRecord is for an accepted domain (RecipientDomains, AllAcceptedDomains or " +
			"RouteAllMessagesViaOnPremises; `*` for InternalRelay domains), and the domain's MX points to Exchange Online: " +
			"mail for recipients on your own servers loops until it is rejected. If the MX is unknown (`audit`, or no answer " +
			"from DNS): warning. Not judged if a mail flow rule selects the mail",
		Remedy: "Set UseMXRecord to false and SmartHosts to your own mail servers.",
		Source: "fix-error-code-5-4-6-through-5-4-20: connector with DNS routing for a domain whose MX points to Exchange " +
			"Online; 5.4.14 routing loop detected",
		Find: eachOutbound(findMailLoop),
	}}
}

func findMailLoop(f *Facts, t *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
	byMX := c.UseMXRecord == mailflow.Yes && c.IsTransportRuleScoped != mailflow.Yes
	if c.Type != mailflow.OnPremises || !byMX {
		return
	}
	all := c.AllAcceptedDomains == mailflow.Yes || c.RouteAllMessagesViaOnPremises == mailflow.Yes
	patterns := newPatternSet(c.RecipientDomains)
	_, star := patterns["*"]
	delete(patterns, "*")
	var unknown []string
	for _, d := range t.AcceptedDomains {
		routed := all || patterns.matches(d.Name) || star && d.Type == "InternalRelay"
		if !routed || mailflow.IsInitialDomain(d.Name) || d.OutboundOnly == mailflow.Yes {
			continue
		}
		host, ok := f.exchangeOnlineMX(d.Name)
		switch {
		case ok:
			report(newFinding("UseMXRecord is true, and the MX of the accepted domain %s is %s.", d.Name, host))
		case len(f.MX[d.Name]) == 0:
			unknown = append(unknown, d.Name)
		}
	}
	if len(unknown) > 0 {
		report(newFinding("UseMXRecord is true for accepted domains of this tenant, whose MX is unknown: %s.",
			list(unknown)).withSeverity(Warning))
	}
}
