package check

import (
	"fmt"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// sharedChecks judge what tenants have in common. Only configured tenants can be compared.
func sharedChecks() []Check {
	return []Check{
		{
			Code: "sender_address_shared_between_tenants", Severity: Critical, Scope: ScopeInbound,
			Title: "Another tenant's connector lists the same sender addresses",
			When: "Addresses of OnPremises connectors and their senders overlap between two tenants: warning; critical if a " +
				"sender of the connector is attributed to a wrong tenant or ambiguously. Two senders whose connectors require a " +
				"certificate may have the same address. Only configured tenants can be compared",
			Remedy: "Configure the sender to present a separate certificate for each tenant and set TlsSenderCertificateName " +
				"to its name, or give each tenant its own address.",
			Source:   "MC1226222",
			Silences: []string{"attribution_fragile"}, // if the shared address alone makes it fragile
			Find:     eachShared(mailflow.OverlapAddress),
		},
		{
			Code: "certificate_shared_between_tenants", Severity: Critical, Scope: ScopeInbound,
			Title: "Another tenant uses the same certificate",
			When: "The same certificate is presented for two tenants, or TlsSenderCertificateName of an OnPremises connector " +
				"matches that of another tenant's: warning; critical if a sender of the connector is attributed to a wrong " +
				"tenant or ambiguously. Only configured tenants can be compared",
			Remedy: "Use a certificate for one tenant alone, with a name in one of its accepted domains.",
			Source: "MC1226222",
			Find:   eachShared(mailflow.OverlapFingerprint, mailflow.OverlapCertificateName),
		},
		{
			Code: "send_connector_shared_between_tenants", Severity: Warning, Scope: ScopeInbound,
			Title: "A send connector is used for more than one tenant",
			When: "`organization` and `send_connector` of senders in two tenants are the same. Exchange's default " +
				"organization name, \"First Organization\", identifies nothing and is not compared. Only configured tenants can " +
				"be compared",
			Remedy: "Create a send connector for each tenant, each with its own certificate.",
			Source: "MC1226222; Set-SendConnector, TlsCertificateName",
			Find:   eachShared(mailflow.OverlapSendConnector),
		},
	}
}

// firstOrganization is the organization name that Exchange's setup proposes: many organizations have it.
const firstOrganization = "First Organization/"

// eachShared reports the overlaps of these kinds, of connectors that are enabled.
func eachShared(kinds ...mailflow.OverlapKind) findFunc {
	return func(f *Facts, report func(Finding)) {
		for i := range f.Overlaps {
			if o := &f.Overlaps[i]; slices.Contains(kinds, o.Kind) {
				f.reportShared(o, report)
			}
		}
	}
}

func (f *Facts) reportShared(o *mailflow.Overlap, report func(Finding)) {
	t := f.index.named[o.Tenant]
	sendConnector := o.Kind == mailflow.OverlapSendConnector
	if t == nil || o.Count == 0 || sendConnector && strings.HasPrefix(o.Value, firstOrganization) {
		return
	}
	subject := Subject{Tenant: o.Tenant}
	if o.Connector != "" {
		c := t.inbound[o.Connector]
		if c == nil || !c.IsEnabled() {
			return
		}
		subject = inboundSubject(t, c)
	}
	severity := Warning
	if !sendConnector && f.misattributed(t, o.Connector) {
		severity = Critical
	}
	one := newFinding("%s %s%s is shared with %s.", sharedNouns[o.Kind], o.Value, ofSender(o.Sender), others(o)).
		withPrivate("%s %s%s is shared with %s.", sharedNouns[o.Kind], o.Value, ofSender(o.Sender), countTenants(o.Count))
	limitShared(t, o, report)(one.withSeverity(severity).withSubject(subject))
}

var sharedNouns = map[mailflow.OverlapKind]string{
	mailflow.OverlapAddress: "The address range", mailflow.OverlapFingerprint: "The certificate",
	mailflow.OverlapCertificateName: "The certificate name", mailflow.OverlapSendConnector: "The send connector",
}

func ofSender(name string) string {
	if name == "" {
		return ""
	}
	return " of the sender " + name
}

// others lists the other tenants. The overlap names only some of them, but counts all.
func others(o *mailflow.Overlap) string {
	named := map[string]bool{}
	sides := make([]string, 0, len(o.Others))
	for _, other := range o.Others {
		named[other.Tenant] = true
		side := other.Tenant
		if other.Connector != "" {
			side += ", connector " + other.Connector
		}
		if other.Value != "" && other.Value != o.Value {
			side += " (" + other.Value + ")"
		}
		sides = append(sides, side)
	}
	switch more := o.Count - len(named); {
	case len(sides) == 0:
		return countTenants(o.Count)
	case more > 0:
		return fmt.Sprintf("%d other tenants, among them %s", o.Count, strings.Join(sides[:min(len(sides), maxListed)], "; "))
	}
	return list(sides)
}

// countTenants counts other tenants without naming them.
func countTenants(n int) string {
	if n == 1 {
		return "another tenant"
	}
	return fmt.Sprintf("%d other tenants", n)
}

// misattributed reports whether a sender of the connector is attributed to a wrong tenant, or to more than one, by
// documented rules.
func (f *Facts) misattributed(t *tenant, connector string) bool {
	for _, one := range t.senders[connector] {
		s := sender{Sender: one, tenant: t, connector: t.inbound[connector]}
		for i := range f.Attributions[s.id()] {
			a := &f.Attributions[s.id()][i]
			if strays(s, a) && !one.Assumed && len(a.VerdictUncertainties()) == 0 {
				return true
			}
		}
	}
	return false
}

// limitShared lowers findings about an assumed sender's own values to warnings.
func limitShared(t *tenant, o *mailflow.Overlap, report func(Finding)) func(Finding) {
	for _, one := range t.senders[o.Connector] {
		if one.Name == o.Sender && o.Sender != "" {
			return sender{Sender: one}.atMostWarningIfAssumed(report)
		}
	}
	return report
}
