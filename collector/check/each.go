package check

import (
	"m365_connector_exporter/probes/mailflow"
)

// eachOutbound asks a question of every outbound connector that is turned on and not in test mode: the others have no finding
// but their own (contract, section 1). What it reports is about the connector.
func eachOutbound(ask func(f *Facts, t *mailflow.Tenant, c *mailflow.OutboundConnector, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		for i := range f.Tenants {
			t := &f.Tenants[i]
			for j := range t.Outbound {
				if c := &t.Outbound[j]; c.IsEnabled() && c.TestMode != mailflow.Yes {
					ask(f, t, c, about(report, Subject{Tenant: t.Name, Direction: mailflow.Outbound, Connector: c.Name}))
				}
			}
		}
	}
}

// eachInbound asks a question of every inbound connector that is turned on.
func eachInbound(ask func(f *Facts, t *mailflow.Tenant, c *mailflow.InboundConnector, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		for i := range f.Tenants {
			t := &f.Tenants[i]
			for j := range t.Inbound {
				if c := &t.Inbound[j]; c.IsEnabled() {
					ask(f, t, c, about(report, Subject{Tenant: t.Name, Direction: mailflow.Inbound, Connector: c.Name}))
				}
			}
		}
	}
}

// eachTenant asks a question of every tenant.
func eachTenant(ask func(f *Facts, t *mailflow.Tenant, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		for i := range f.Tenants {
			ask(f, &f.Tenants[i], about(report, Subject{Tenant: f.Tenants[i].Name}))
		}
	}
}

// eachPath asks a question of every path that the daemon probes.
func eachPath(ask func(f *Facts, p *Path, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		for i := range f.Paths {
			p := &f.Paths[i]
			if p.NotProbed == "" {
				ask(f, p, about(report, Subject(p.ID)))
			}
		}
	}
}

// about gives each finding its subject, unless the check has named one itself.
func about(report func(Finding), s Subject) func(Finding) {
	return func(one Finding) {
		if one.Subject == (Subject{}) {
			one.Subject = s
		}
		report(one)
	}
}
