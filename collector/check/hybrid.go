package check

import (
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// hybridChecks judge what a connector trusts: headers and messages of the organization's own servers.
func hybridChecks() []Check {
	return []Check{
		{
			Code: "hybrid_ends_differ", Severity: Warning, Scope: ScopeConnector,
			Title: "CloudServicesMailEnabled differs between the two connectors of a hybrid pair",
			When: "The Hybrid Configuration Wizard created an inbound and an outbound connector as a pair (the same " +
				"identifier after \"Inbound from\" and \"Outbound to\", or the only ones that it created), and " +
				"CloudServicesMailEnabled is true on one of them only: in one direction, internal mail loses its cross-premises " +
				"headers and is treated as external",
			Remedy: "Set CloudServicesMailEnabled to true on both connectors, or run the Hybrid Configuration Wizard again.",
			Source: "Set-InboundConnector, Set-OutboundConnector, CloudServicesMailEnabled; Hybrid Configuration Wizard",
			Find:   eachTenant(findHybridEndsDiffer),
		},
		{
			Code: "treat_as_internal", Severity: Warning, Scope: ScopeInbound,
			Title: "TreatMessagesAsInternal is on for addresses that are not known as your own",
			When: "TreatMessagesAsInternal is true on an OnPremises connector, and an address in SenderIPAddresses is not " +
				"that of a server of the tenant's OnPremises outbound connectors (UNCERTAIN: it may still be your own). Mail of " +
				"accepted domains from there bypasses spam filtering",
			Remedy: "Set TreatMessagesAsInternal to false unless the addresses belong to your own organization alone.",
			Source: "Set-InboundConnector, TreatMessagesAsInternal",
			Find:   eachAttributing(findTreatAsInternal),
		},
	}
}

// hybridPair is an outbound and an inbound connector that the Hybrid Configuration Wizard created together.
type hybridPair struct {
	out *mailflow.OutboundConnector
	in  *mailflow.InboundConnector
}

// hybridPairs returns the pairs of a tenant whose connectors are enabled.
func hybridPairs(t *tenant) []hybridPair {
	inbound := map[string]*mailflow.InboundConnector{} // by identifier
	for i := range t.Inbound {
		if c := &t.Inbound[i]; isHybrid(c.Common) && c.IsEnabled() {
			inbound[strings.TrimPrefix(c.Name, "Inbound from ")] = c
		}
	}
	var outbound []*mailflow.OutboundConnector
	var pairs []hybridPair
	for i := range t.Outbound {
		c := &t.Outbound[i]
		if !isHybrid(c.Common) || !judgedOutbound(c) {
			continue
		}
		outbound = append(outbound, c)
		if in := inbound[strings.TrimPrefix(c.Name, "Outbound to ")]; in != nil {
			pairs = append(pairs, hybridPair{c, in})
		}
	}
	if len(pairs) == 0 && len(inbound) == 1 && len(outbound) == 1 {
		for _, in := range inbound {
			pairs = append(pairs, hybridPair{outbound[0], in})
		}
	}
	return pairs
}

func isHybrid(c mailflow.Common) bool {
	return c.Source == "HybridWizard" && c.Type == mailflow.OnPremises
}

func findHybridEndsDiffer(_ *Facts, t *tenant, report func(Finding)) {
	const differs = "CloudServicesMailEnabled is false, on the connector %s it is true."
	for _, pair := range hybridPairs(t) {
		out, in := pair.out, pair.in
		switch {
		case out.CloudServicesMailEnabled == mailflow.No && in.CloudServicesMailEnabled == mailflow.Yes:
			report(newFinding(differs, in.Name).withSubject(outboundSubject(t, out)))
		case out.CloudServicesMailEnabled == mailflow.Yes && in.CloudServicesMailEnabled == mailflow.No:
			report(newFinding(differs, out.Name).withSubject(inboundSubject(t, in)))
		}
	}
}

func findTreatAsInternal(f *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
	if c.TreatMessagesAsInternal != mailflow.Yes || len(c.SenderIPAddresses) == 0 {
		return
	}
	own := f.ownServers(t)
	var others []string
	for _, text := range c.SenderIPAddresses {
		r, problem := mailflow.ParseRange(text)
		if problem == mailflow.RangeUnreadable || overlapsAny(own, r) {
			continue
		}
		others = append(others, text)
	}
	if len(others) > 0 {
		report(newFinding("TreatMessagesAsInternal is true; not known as your own: %s.", list(others)).
			uncertain("the configuration does not say whose addresses these are"))
	}
}

// ownServers returns the known addresses of the tenant's own servers: the smart hosts of its OnPremises outbound
// connectors that are addresses, and the addresses to which their paths lead.
func (f *Facts) ownServers(t *tenant) []mailflow.Range {
	var own []mailflow.Range
	for i := range t.Outbound {
		c := &t.Outbound[i]
		if c.Type != mailflow.OnPremises || !judgedOutbound(c) {
			continue
		}
		for _, host := range usedSmartHosts(c) {
			if r, ok := literal(host); ok {
				own = append(own, r)
			}
		}
		for _, p := range f.index.pathsOf[outboundSubject(t, c)] {
			for _, e := range p.Endpoints {
				if r, problem := mailflow.ParseRange(e.Address); problem != mailflow.RangeUnreadable {
					own = append(own, r)
				}
			}
		}
	}
	return own
}

func overlapsAny(ranges []mailflow.Range, r mailflow.Range) bool {
	for _, other := range ranges {
		if other.Overlaps(r) {
			return true
		}
	}
	return false
}
