package check

import (
	"maps"
	"slices"

	"m365_connector_exporter/probes/mailflow"
)

// allAccepted is a scope beside domains and wildcards: the mail to all accepted domains.
const allAccepted = "all accepted domains"

// scopes are the outbound connectors of a tenant by the scopes for which they get mail: a domain, a wildcard or
// allAccepted.
type scopes map[string][]*mailflow.OutboundConnector

// add adds a connector to a scope, once. Connectors are added one after the other.
func (s scopes) add(scope string, c *mailflow.OutboundConnector) {
	if known := s[scope]; len(known) == 0 || known[len(known)-1] != c {
		s[scope] = append(known, c)
	}
}

// findOutboundOverlap reports connectors that get the same mail by the same rank of the documented order.
func findOutboundOverlap(_ *Facts, t *tenant, report func(Finding)) {
	byScope := scopes{}
	for i := range t.Outbound {
		c := &t.Outbound[i]
		if !judgedOutbound(c) || c.IsTransportRuleScoped == mailflow.Yes {
			continue
		}
		for _, d := range c.RecipientDomains {
			if d, ok := mailflow.NormaliseDomain(d); ok {
				byScope.add(d, c)
			}
		}
		if c.ForAcceptedDomains() == mailflow.Yes {
			byScope.add(allAccepted, c)
		}
	}
	o := overlap{tenant: t, byScope: byScope, order: slices.Sorted(maps.Keys(byScope)), report: report}
	for _, scope := range o.order {
		o.compare(scope, scope)
	}
	o.compareWithAccepted()
}

// overlap compares the connectors of two scopes.
type overlap struct {
	tenant    *tenant
	byScope   scopes
	order     []string // the scopes, sorted, so that evidence has the same order each time
	uncertain string
	report    func(Finding)
}

// maxCompared bounds how many connectors of one scope are compared: evidence has room for no more.
const maxCompared = 2 * MaxEvidence

// compare reports each connector of either scope with the ones that it overlaps.
func (o overlap) compare(scope, other string) {
	these, those := o.byScope[scope], o.byScope[other]
	for _, a := range these[:min(len(these), maxCompared)] {
		for _, b := range those[:min(len(those), maxCompared)] {
			if a != b {
				o.reportOne(a, scope, b, other)
				o.reportOne(b, other, a, scope)
			}
		}
	}
}

func (o overlap) reportOne(a *mailflow.OutboundConnector, scope string, b *mailflow.OutboundConnector, other string) {
	o.report(newFinding("This connector is for %s, the connector %s for %s.", scope, b.Name, other).
		uncertain(o.uncertain).withSubject(outboundSubject(o.tenant, a)))
}

// compareWithAccepted compares the connectors for all accepted domains with the wildcards that match one of them.
func (o overlap) compareWithAccepted() {
	if len(o.byScope[allAccepted]) == 0 {
		return
	}
	o.uncertain = "Microsoft lists connectors for all accepted domains before wildcards, and its example on the same " +
		"page does the opposite"
	matching := map[string]bool{}
	for _, d := range o.tenant.AcceptedDomains {
		if domain, ok := mailflow.NormaliseDomain(d.Name); ok {
			for wildcard := range mailflow.Wildcards(domain) {
				matching[wildcard] = true
			}
		}
	}
	report := o.report
	for _, wildcard := range o.order {
		if !matching[wildcard] {
			continue
		}
		o.report = report
		if wildcard == "*" { // own domains to own servers and the rest to a gateway is a common design
			o.report = func(one Finding) { report(one.withSeverity(Info)) }
		}
		o.compare(allAccepted, wildcard)
	}
}
