package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// warnOfRoundTrips warns of round trips whose messages cannot go the intended way. That is not an error, because the
// records of the tenant may be incomplete or outdated.
func (l *loading) warnOfRoundTrips() {
	for i := range l.cfg.RoundTrips {
		t := &l.cfg.RoundTrips[i]
		n := slices.IndexFunc(l.cfg.Tenants, func(tenant mailflow.Tenant) bool { return tenant.Name == t.Tenant })
		if n < 0 || l.cfg.Tenants[n].LoadError != "" {
			continue // reported
		}
		tenant := &l.cfg.Tenants[n]
		for _, problem := range []string{recipientProblem(tenant, t.Recipient), l.senderProblem(tenant, t.Sender)} {
			if problem != "" {
				l.warn(probes.Sanitise(fmt.Sprintf("round trip %s › %s: %s", t.Tenant, t.Name, problem), probes.MaxDetail))
			}
		}
	}
}

// recipientProblem returns why the recipient of a round trip is foreign to a tenant, "" if it is not or not known.
func recipientProblem(t *mailflow.Tenant, recipient string) string {
	_, domain, _ := strings.Cut(recipient, "@")
	_, accepted := mailflow.NewDomainIndex(t.AcceptedDomains).Match(domain)
	routes := mailflow.NewRoutes(t)
	if accepted || len(t.AcceptedDomains) == 0 || !routes.Known || len(routes.Predict(domain).Connectors) > 0 {
		return ""
	}
	return fmt.Sprintf("recipient: %s is neither an accepted domain of the tenant nor in recipient_domains of an "+
		"outbound connector: Exchange Online treats the message as mail to another organization", domain)
}

// senderProblem returns why messages cannot start as a sender, "" if they can or start at a server.
func (l *loading) senderProblem(t *mailflow.Tenant, sender string) string {
	if sender == "" {
		return ""
	}
	paths := probes.Plan([]mailflow.Tenant{*t}, l.cfg.Layers, "")
	i := slices.IndexFunc(paths, func(p probes.Path) bool {
		return p.ID.Direction == mailflow.Inbound && p.ID.Path == sender
	})
	problem := "its connector does not exist"
	if i >= 0 {
		problem = pathProblem(t, &paths[i], sender)
	}
	if problem == "" {
		return ""
	}
	return fmt.Sprintf("start.sender: sender %q cannot hand messages over: %s", sender, problem)
}

// pathProblem returns why the path of a sender does not work for messages.
func pathProblem(t *mailflow.Tenant, p *probes.Path, sender string) string {
	i := slices.IndexFunc(t.Senders, func(s mailflow.Sender) bool { return s.Name == sender })
	ours := func(n netip.Prefix) bool { return n.Contains(p.Settings.SourceAddress.Unmap()) }
	switch {
	case p.NotProbed != "":
		return p.NotProbed
	case p.NotProbeable != "":
		return p.NotProbeable
	case i >= 0 && !p.UseClientCertificate && !slices.ContainsFunc(t.Senders[i].Addresses, ours):
		return "it does not present its certificate, and probe.source_address is not one of its addresses"
	}
	return ""
}
