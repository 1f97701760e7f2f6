package check

import (
	"slices"

	"m365_connector_exporter/probes/mailflow"
)

// eachOutbound asks a question of every outbound connector that is turned on and not in test mode: the others have no finding
// but their own (contract, section 1). What it reports is about the connector.
func eachOutbound(visit func(f *Facts, t *tenant, c *mailflow.OutboundConnector, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		var subject Subject
		report = withDefaultSubject(report, &subject)
		for _, t := range f.index.tenants {
			for j := range t.Outbound {
				if c := &t.Outbound[j]; judgedOutbound(c) {
					subject = outboundSubject(t, c)
					visit(f, t, c, report)
				}
			}
		}
	}
}

func outboundSubject(t *tenant, c *mailflow.OutboundConnector) Subject {
	return Subject{Tenant: t.Name, Direction: mailflow.Outbound, Connector: c.Name}
}

func inboundSubject(t *tenant, c *mailflow.InboundConnector) Subject {
	return Subject{Tenant: t.Name, Direction: mailflow.Inbound, Connector: c.Name}
}

// eachInbound asks a question of every inbound connector that is turned on.
func eachInbound(visit func(f *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		var subject Subject
		report = withDefaultSubject(report, &subject)
		for _, t := range f.index.tenants {
			for j := range t.Inbound {
				if c := &t.Inbound[j]; c.IsEnabled() {
					subject = inboundSubject(t, c)
					visit(f, t, c, report)
				}
			}
		}
	}
}

// eachSource asks a question of every inbound connector that is turned on and stands for servers of the tenant's own: only these
// attribute mail (MC1226222). One that trusts another Microsoft 365 organisation uses no other parameter (Set-InboundConnector,
// TrustedOrganizations).
func eachSource(visit func(f *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding))) func(*Facts, func(Finding)) {
	return eachInbound(func(f *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
		if c.Type == mailflow.OnPremises && len(c.TrustedOrganizations) == 0 {
			visit(f, t, c, report)
		}
	})
}

// eachSender asks a question of every sender behind an inbound connector that is turned on. What rests on an assumed sender is at
// most a warning (contract, section 2).
func eachSender(visit func(f *Facts, s sender, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		var subject Subject
		report = withDefaultSubject(report, &subject)
		for i := range f.index.senders {
			s := f.index.senders[i]
			subject = Subject(s.id())
			visit(f, s, s.atMostWarningIfAssumed(report))
		}
	}
}

// atMostWarningIfAssumed keeps what is reported of an assumed sender at warning, and says what it rests on.
func (s sender) atMostWarningIfAssumed(report func(Finding)) func(Finding) {
	if !s.Assumed {
		return report
	}
	return func(one Finding) {
		if one.Severity == Off || one.Severity > Warning { // Off stands for the check's own, which Run limits again
			one.Severity = Warning
		}
		one.Evidence = append(slices.Clip(one.Evidence), "The sender "+s.Name+" is assumed: no sender is configured for this connector.")
		report(one)
	}
}

// eachTenant asks a question of every tenant.
func eachTenant(visit func(f *Facts, t *tenant, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		var subject Subject
		report = withDefaultSubject(report, &subject)
		for _, t := range f.index.tenants {
			subject = Subject{Tenant: t.Name}
			visit(f, t, report)
		}
	}
}

// eachPath asks a question of every path whose connector is not muted.
func eachPath(visit func(f *Facts, p *Path, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		var subject Subject
		report = withDefaultSubject(report, &subject)
		for _, p := range f.index.judgedPaths {
			subject = Subject(p.ID)
			visit(f, p, report)
		}
	}
}

// eachProbed asks a question of every path that the daemon probes.
func eachProbed(visit func(f *Facts, p *Path, report func(Finding))) func(*Facts, func(Finding)) {
	return eachPath(func(f *Facts, p *Path, report func(Finding)) {
		if p.NotProbed == "" {
			visit(f, p, report)
		}
	})
}

// withDefaultSubject gives each finding the subject of the moment, unless the check has named one itself. One function serves all subjects of a
// check: among ten thousand tenants a function for each would be most of the cost.
func withDefaultSubject(report func(Finding), s *Subject) func(Finding) {
	return func(one Finding) {
		if one.Subject == (Subject{}) {
			one.Subject = *s
		}
		report(one)
	}
}
