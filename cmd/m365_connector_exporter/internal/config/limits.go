package config

import (
	"fmt"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Limits of one tenant, far above any real tenant. They keep a forged or broken export from using up the memory and the
// time that the other tenants need.
const (
	maxConnectors = 5_000
	maxSenders    = 10_000
	maxDomains    = 20_000
	maxAddresses  = 100_000 // addresses and networks of all connectors and senders
	maxListed     = 100_000 // domains, hosts and recipients in the lists of all connectors
	maxReports    = 50_000  // mail flow rules, servers, and other records that are neither connector nor domain
	maxPaths      = 10_000
)

// maxTenants bounds the tenants of one YAML file.
const maxTenants = 50_000

// overLimit returns which limit a tenant exceeds, in words; "" if it exceeds none.
func overLimit(t mailflow.Tenant) string {
	for _, l := range []struct {
		what  string
		count func(mailflow.Tenant) int
		limit int
	}{
		{"connectors", func(t mailflow.Tenant) int { return len(t.Outbound) + len(t.Inbound) }, maxConnectors},
		{"senders", func(t mailflow.Tenant) int { return len(t.Senders) }, maxSenders},
		{"accepted domains", func(t mailflow.Tenant) int { return len(t.AcceptedDomains) }, maxDomains},
		{"addresses", countAddresses, maxAddresses},
		{"domains, hosts and recipients of connectors", countListed, maxListed},
		{"mail flow rules, servers and other records", countReports, maxReports},
		{"paths", countPaths, maxPaths}, // the last one: counting them takes longer
	} {
		if n := l.count(t); n > l.limit {
			return fmt.Sprintf("%d %s, more than the %d that a tenant may have", n, l.what, l.limit)
		}
	}
	return ""
}

func countAddresses(t mailflow.Tenant) int {
	n := 0
	for _, c := range t.Inbound {
		n += len(c.SenderIPAddresses) + len(c.EFSkipIPs)
	}
	for _, s := range t.Senders {
		n += len(s.Addresses)
	}
	return n
}

func countListed(t mailflow.Tenant) int {
	n := 0
	for _, c := range t.Outbound {
		n += len(c.RecipientDomains) + len(c.SmartHosts) + len(c.ValidationRecipients)
	}
	for _, c := range t.Inbound {
		n += len(c.SenderDomains) + len(c.AssociatedAcceptedDomains) + len(c.TrustedOrganizations) +
			len(c.ClientHostNames) + len(c.EFUsers)
	}
	return n
}

func countReports(t mailflow.Tenant) int {
	o := &t.Organization
	return len(o.Rules) + len(o.Blocked) + len(o.Servers) + len(o.Exemptions) + len(o.Routes) + len(o.IPv6) +
		len(o.DANE) + len(o.DNSSEC)
}

// countPaths plans the paths of a tenant. Their number depends on no setting of a probe.
func countPaths(t mailflow.Tenant) int {
	none := func(string, mailflow.Direction, string, string) []probes.SettingsOverride { return nil }
	return len(probes.Plan([]mailflow.Tenant{mailflow.WithImpliedSenders(t)}, none, ""))
}
