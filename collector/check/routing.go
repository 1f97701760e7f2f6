package check

import (
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// routingChecks judge which mail an outbound connector gets.
func routingChecks() []Check {
	return []Check{
		{
			Code: "connectors_overlap", Severity: Warning,
			Title: "More than one connector fits the same mail",
			When: "Outbound: two connectors have the same rank for a domain in the documented order (exact domain, all accepted domains, wildcard), or one is for all accepted domains and the other's wildcard covers one of them (UNCERTAIN: Microsoft's own example contradicts its order; info where that wildcard is `*`: own domains to the premises and all else to a gateway is common). " +
				"Connectors that a mail flow rule uses are outside of it. Inbound: two connectors match one sender by certificate, or two by address",
			Remedy: "Narrow or remove one of the connectors, so that each domain and each sender has one.",
			Source: "set-up-connectors-to-route-mail, \"What happens when I have multiple connectors\"; set-up-connectors-for-secure-mail-flow-with-a-partner",
			Find: func(f *Facts, report func(Finding)) {
				eachTenant(findOutboundOverlap)(f, report)
				findInboundOverlap(f, report)
			},
		},
		{
			Code: "recipient_outside_scope", Severity: Warning,
			Title:  "A validation recipient lies outside the connector's domains",
			When:   "The domain of one of ValidationRecipients is none of RecipientDomains, and, where AllAcceptedDomains is true, no accepted domain. Not judged where a mail flow rule chooses the mail",
			Remedy: "Use a recipient in one of the connector's domains: validation of any other fails.",
			Source: "KB 3179588 (\"The domain of the recipient is not configured as part of connector\"); Validate-OutboundConnector, Recipients",
			Find:   eachOutbound(findRecipientOutside),
		},
		{
			Code: "connector_never_used", Severity: Warning,
			Title:  "No mail can reach this connector",
			When:   "RecipientDomains is empty, AllAcceptedDomains is false and IsTransportRuleScoped is false",
			Remedy: "Give it recipient domains, let a mail flow rule use it, or remove it.",
			Source: "Set-OutboundConnector, RecipientDomains, AllAcceptedDomains, IsTransportRuleScoped",
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if len(c.RecipientDomains) == 0 && c.AllAcceptedDomains == mailflow.No && c.IsTransportRuleScoped == mailflow.No && c.IsKnown("recipient_domains") {
					report(newFinding("RecipientDomains is empty, AllAcceptedDomains and IsTransportRuleScoped are false."))
				}
			}),
			Silences: []string{"connector_not_probeable", "connector_not_validated", "connector_validation_stale"},
		},
	}
}

func findRecipientOutside(_ *Facts, t *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
	all := c.AllAcceptedDomains == mailflow.Yes
	if c.IsTransportRuleScoped == mailflow.Yes || len(c.RecipientDomains) == 0 && !all || all && len(t.AcceptedDomains) == 0 || !c.IsKnown("recipient_domains") {
		return
	}
	scope := list(c.RecipientDomains)
	if all {
		scope = strings.TrimPrefix(scope+" and all accepted domains", " and ")
	}
	for _, recipient := range c.ValidationRecipients {
		_, domain, ok := strings.Cut(recipient, "@")
		if !ok || anyPatternMatches(c.RecipientDomains, domain) {
			continue
		}
		if _, accepted := t.domains.Match(domain); !all || !accepted {
			report(newFinding("A validation recipient is at %s, the connector is for %s.", domain, scope))
		}
	}
}

// anyPatternMatches tells that a list of domains, "*.domain" or "*" takes in a domain. Whether "*.contoso.com" takes in contoso.com itself is
// not documented; it is let pass.
func anyPatternMatches(patterns []string, domain string) bool {
	domain, _ = mailflow.NormaliseDomain(domain)
	return domain != "" && slices.ContainsFunc(patterns, func(pattern string) bool {
		pattern, ok := mailflow.NormaliseDomain(pattern)
		base, wild := strings.CutPrefix(pattern, "*")
		return ok && (pattern == domain || wild && (base == "" || strings.HasSuffix("."+domain, base)))
	})
}

// allAccepted stands among domains and wildcards, for which outbound connectors get mail.
const allAccepted = "all accepted domains"

// findOutboundOverlap looks for claims that more than one connector makes.
func findOutboundOverlap(_ *Facts, t *tenant, report func(Finding)) {
	claims := map[string][]*mailflow.OutboundConnector{}
	var order []string
	claim := func(what string, c *mailflow.OutboundConnector) {
		if len(claims[what]) == 0 {
			order = append(order, what)
		}
		if !slices.Contains(claims[what], c) {
			claims[what] = append(claims[what], c)
		}
	}
	for i := range t.Outbound {
		c := &t.Outbound[i]
		if !judgedOutbound(c) || c.IsTransportRuleScoped == mailflow.Yes {
			continue
		}
		for _, d := range c.RecipientDomains {
			if d, ok := mailflow.NormaliseDomain(d); ok {
				claim(d, c)
			}
		}
		if c.AllAcceptedDomains == mailflow.Yes {
			claim(allAccepted, c)
		}
	}
	slices.Sort(order)
	for _, what := range order {
		reportOverlap(t, report, what, claims[what], what, claims[what], "")
		for _, wider := range wildcardsOver(what) {
			reportOverlap(t, report, what, claims[what], wider, claims[wider], "")
		}
	}
	findAcceptedAgainstWildcard(t, claims, order, report)
}

// wildcardsOver are the wider wildcards that cover all of a wildcard: they have the same rank, for the documented order does not say
// that the longer one wins.
func wildcardsOver(wildcard string) []string {
	base, wild := strings.CutPrefix(wildcard, "*.")
	if !wild {
		return nil
	}
	over := []string{"*"}
	for _, up, more := strings.Cut(base, "."); more; _, up, more = strings.Cut(up, ".") {
		over = append(over, "*."+up)
	}
	return over
}

func findAcceptedAgainstWildcard(t *tenant, claims map[string][]*mailflow.OutboundConnector, order []string, report func(Finding)) {
	if len(claims[allAccepted]) == 0 {
		return
	}
	const unsure = "Microsoft lists connectors for all accepted domains before wildcards, and its example on the same page does the opposite"
	for _, what := range order {
		if !strings.HasPrefix(what, "*") {
			continue
		}
		report := report
		if what == "*" { // own domains to the premises, all else to a gateway: a common design
			tell := report
			report = func(one Finding) { tell(one.withSeverity(Info)) }
		}
		for _, d := range t.AcceptedDomains {
			if anyPatternMatches([]string{what}, d.Name) {
				reportOverlap(t, report, allAccepted, claims[allAccepted], what, claims[what], unsure)
				break
			}
		}
	}
}

// maxCompared bounds how many connectors of one claim are compared: evidence holds no more.
const maxCompared = 2 * MaxEvidence

// reportOverlap reports each connector of either side with what it clashes with.
func reportOverlap(t *tenant, report func(Finding), what string, these []*mailflow.OutboundConnector, other string, those []*mailflow.OutboundConnector, unsure string) {
	for _, a := range these[:min(len(these), maxCompared)] {
		for _, b := range those[:min(len(those), maxCompared)] {
			if a == b {
				continue
			}
			report(newFinding("It is for %s, the connector %s for %s.", what, b.Name, other).uncertain(unsure).withSubject(outboundSubject(t, a)))
			report(newFinding("It is for %s, the connector %s for %s.", other, a.Name, what).uncertain(unsure).withSubject(outboundSubject(t, b)))
		}
	}
}
