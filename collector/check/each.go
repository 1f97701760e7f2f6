package check

import (
	"slices"

	"m365_connector_exporter/probes/mailflow"
)

// The each functions make a findFunc from a function that looks at one subject. A finding that it reports is about
// that subject unless it names another one.

// eachTenant visits every tenant.
func eachTenant(visit func(f *Facts, t *tenant, report func(Finding))) findFunc {
	return func(f *Facts, report func(Finding)) {
		var subject Subject
		report = withDefaultSubject(report, &subject)
		for _, t := range f.index.tenants {
			subject = Subject{Tenant: t.Name}
			visit(f, t, report)
		}
	}
}

// eachOutbound visits every outbound connector that is enabled and not in test mode: the others have no finding but
// their own.
func eachOutbound(visit func(f *Facts, t *tenant, c *mailflow.OutboundConnector, report func(Finding))) findFunc {
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

// eachInbound visits every inbound connector that is enabled.
func eachInbound(visit func(f *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding))) findFunc {
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

// eachAttributing visits every inbound connector that is enabled and attributes mail to its tenant: those of type
// OnPremises (MC1226222). One with TrustedOrganizations uses no other property (Set-InboundConnector).
func eachAttributing(visit func(f *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding))) findFunc {
	return eachInbound(func(f *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
		if attributes(c) {
			visit(f, t, c, report)
		}
	})
}

func attributes(c *mailflow.InboundConnector) bool {
	return c.Type == mailflow.OnPremises && len(c.TrustedOrganizations) == 0
}

// eachSender visits every sender of an inbound connector that is enabled. Findings about an assumed sender are at most
// warnings.
func eachSender(visit func(f *Facts, s sender, report func(Finding))) findFunc {
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

// atMostWarningIfAssumed lowers findings about an assumed sender to warnings, and adds that it is assumed.
func (s sender) atMostWarningIfAssumed(report func(Finding)) func(Finding) {
	if !s.Assumed {
		return report
	}
	return func(one Finding) {
		if one.Severity == Off || one.Severity > Warning { // Off is the check's own severity, which Run caps again
			one.Severity = Warning
		}
		assumed := "The sender " + s.Name + " is assumed: no sender is configured for this connector."
		one.Evidence = append(slices.Clip(one.Evidence), assumed)
		report(one)
	}
}

// eachPath visits every path whose connector is enabled and not in test mode.
func eachPath(visit func(f *Facts, p *Path, report func(Finding))) findFunc {
	return func(f *Facts, report func(Finding)) {
		var subject Subject
		report = withDefaultSubject(report, &subject)
		for _, p := range f.index.judgedPaths {
			subject = Subject(p.ID)
			visit(f, p, report)
		}
	}
}

// eachProbed visits every path that the daemon probes.
func eachProbed(visit func(f *Facts, p *Path, report func(Finding))) findFunc {
	return eachPath(func(f *Facts, p *Path, report func(Finding)) {
		if p.NotProbed == "" {
			visit(f, p, report)
		}
	})
}

func outboundSubject(t *tenant, c *mailflow.OutboundConnector) Subject {
	return Subject{Tenant: t.Name, Direction: mailflow.Outbound, Connector: c.Name}
}

func inboundSubject(t *tenant, c *mailflow.InboundConnector) Subject {
	return Subject{Tenant: t.Name, Direction: mailflow.Inbound, Connector: c.Name}
}

// withDefaultSubject gives each finding the current subject unless it has one. One closure serves all subjects of a
// check: with ten thousand tenants, a closure per subject would be most of the cost of Run.
func withDefaultSubject(report func(Finding), s *Subject) func(Finding) {
	return func(one Finding) {
		if one.Subject == (Subject{}) {
			one.Subject = *s
		}
		report(one)
	}
}
