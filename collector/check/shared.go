package check

import (
	"fmt"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// sharedChecks judge what tenants have in common. Only configured tenants can be compared.
func sharedChecks() []Check {
	return []Check{
		{
			Code: "sender_address_shared_between_tenants", Severity: Critical,
			Title:  "Another tenant's connector lists the same sender addresses",
			When:   "Addresses of OnPremises connectors and their senders overlap in two tenants: warning; critical where a sender of the connector is attributed to a wrong tenant or ambiguously. Only configured tenants can be compared",
			Remedy: "Let the sender present a certificate of its own for each tenant and set it in TlsSenderCertificateName, or give each tenant its own address.",
			Source: "MC1226222",
			Find:   eachShared(mailflow.OverlapAddress),
		},
		{
			Code: "certificate_shared_between_tenants", Severity: Critical,
			Title:  "Another tenant uses the same certificate",
			When:   "The same certificate is presented for two tenants, or TlsSenderCertificateName of one OnPremises connector covers that of another tenant's: warning; critical where a sender of the connector is attributed to a wrong tenant or ambiguously. Only configured tenants can be compared",
			Remedy: "Use a certificate for one tenant alone, with a name of one of its accepted domains.",
			Source: "MC1226222",
			Find:   eachShared(mailflow.OverlapFingerprint, mailflow.OverlapCertificateName),
		},
		{
			Code: "send_connector_shared_between_tenants", Severity: Warning,
			Title: "One send connector sends for more than one tenant",
			When: "`organization` and `send_connector` of senders in two tenants are the same. Exchange's default name of an organisation, \"First Organization\", tells nothing apart and is not compared. " +
				"Only configured tenants can be compared",
			Remedy: "Make one send connector for each tenant, with a certificate of its own.",
			Source: "MC1226222; Set-SendConnector, TlsCertificateName",
			Find:   eachShared(mailflow.OverlapSendConnector),
		},
	}
}

// firstOrganization is the name that Exchange's setup proposes: many organisations bear it.
const firstOrganization = "First Organization/"

// eachShared reports the overlaps of some kinds, of connectors that are turned on.
func eachShared(kinds ...mailflow.OverlapKind) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		for i := range f.Overlaps {
			o := &f.Overlaps[i]
			for _, kind := range kinds {
				if o.Kind == kind {
					f.reportShared(o, report)
				}
			}
		}
	}
}

func (f *Facts) reportShared(o *mailflow.Overlap, report func(Finding)) {
	t := f.index.named[o.Tenant]
	if t == nil || o.Count == 0 || o.Kind == mailflow.OverlapSendConnector && strings.HasPrefix(o.Value, firstOrganization) {
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
	one := newFinding("%s %s%s is shared with %s.", sharedNouns[o.Kind], o.Value, ofSender(o.Sender), f.others(o)).withSeverity(Warning)
	one.Subject = subject
	if o.Kind != mailflow.OverlapSendConnector && f.misattributed(t, o.Connector) {
		one.Severity = Critical
	}
	f.atMostWarningIfSenderAssumed(t, o, report)(one)
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

// others names the other sides, a few of many.
func (f *Facts) others(o *mailflow.Overlap) string {
	var sides []string
	for _, other := range o.Others {
		side := other.Tenant
		if other.Connector != "" {
			side += ", connector " + other.Connector
		}
		if other.Value != "" && other.Value != o.Value {
			side += " (" + other.Value + ")"
		}
		sides = append(sides, side)
	}
	if len(sides) == 0 {
		return fmt.Sprintf("%d other tenants", o.Count)
	}
	return list(sides)
}

// misattributed tells that a sender of the connector is attributed to a wrong tenant, or to more than one, by documented rules.
func (f *Facts) misattributed(t *tenant, connector string) bool {
	for _, one := range t.senders[connector] {
		s := sender{Sender: one, tenant: t, connector: t.inbound[connector]}
		for _, a := range f.Attributions[s.id()] {
			wrong := a.Ambiguous() || len(a.Tenants) == 1 && a.Tenants[0] != t.Name
			if wrong && !one.Assumed && len(a.VerdictUncertainties()) == 0 {
				return true
			}
		}
	}
	return false
}

// atMostWarningIfSenderAssumed keeps what rests on an assumed sender's own values at warning.
func (f *Facts) atMostWarningIfSenderAssumed(t *tenant, o *mailflow.Overlap, report func(Finding)) func(Finding) {
	for _, one := range t.senders[o.Connector] {
		if one.Name == o.Sender && o.Sender != "" {
			return sender{Sender: one}.atMostWarningIfAssumed(report)
		}
	}
	return report
}
