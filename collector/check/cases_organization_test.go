package check_test

import (
	"net/netip"
	"slices"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

// rules sets the mail flow rules of the tenant.
func (w *world) rules(rules ...mailflow.TransportRule) {
	w.tenant.Organization.Rules = rules
	w.tenant.Organization.Read = []mailflow.Cmdlet{mailflow.GetTransportRule, mailflow.GetOutboundConnector}
}

// ruleTo is an enabled rule that routes mail to a connector.
func ruleTo(connector string) mailflow.TransportRule {
	return mailflow.TransportRule{Name: "Encrypt", State: "Enabled", Mode: "Enforce", Connector: connector}
}

// byRule makes the outbound connector one for mail that a rule selects.
func (w *world) byRule() { w.out.IsTransportRuleScoped, w.out.GUID = yes, "0A-0B" }

// unmatched lets the sender match no connector.
func (w *world) unmatched(rejectDirectSend mailflow.Tri, relays string) {
	w.byAddress()
	w.sender.Addresses = []netip.Prefix{netip.MustParsePrefix("203.0.113.9/32")}
	w.sender.Relays, w.tenant.Organization.RejectDirectSend = relays, rejectDirectSend
}

var organizationCases = []testCase{
	{
		"direct_send_open", "RejectDirectSend false",
		func(w *world) { w.tenant.Organization.RejectDirectSend = no },
		"info", "RejectDirectSend is false",
	},
	{
		"direct_send_open", "RejectDirectSend true",
		func(w *world) { w.tenant.Organization.RejectDirectSend = yes },
		"", "",
	},
	{"direct_send_open", "not known", func(*world) {}, "", ""},
	{
		"direct_send_rejected", "an internal sender without a match",
		func(w *world) { w.unmatched(yes, "internal") },
		"critical", "203.0.113.9 (without a certificate) to the tenant's own recipients matches no connector",
	},
	{
		"direct_send_rejected", "a relaying sender without a match",
		func(w *world) { w.unmatched(yes, "external") },
		"critical", "5.7.68",
	},
	{
		"direct_send_rejected", "not rejected",
		func(w *world) { w.unmatched(no, "internal") },
		"", "",
	},
	{
		"direct_send_rejected", "not known",
		func(w *world) { w.unmatched(mailflow.Unknown, "internal") },
		"", "",
	},
	{
		"direct_send_rejected", "a sender that matches",
		func(w *world) { w.tenant.Organization.RejectDirectSend = yes },
		"", "",
	},
	{
		"direct_send_rejected", "a sender of another domain",
		func(w *world) {
			w.unmatched(yes, "internal")
			w.sender.MailFromDomains = []string{"example.net"}
		},
		"", "",
	},
	{
		"direct_send_rejected", "an assumed sender",
		func(w *world) {
			w.unmatched(yes, "internal")
			w.sender.Assumed = true
		},
		"warning", "is assumed",
	},
	{
		"connector_blocked_by_microsoft", "by GUID",
		func(w *world) {
			w.in.GUID = "0a0b"
			w.tenant.Organization.Blocked = []mailflow.BlockedConnector{{ConnectorID: "0A0B", Reason: "spam", Since: noon}}
		},
		"critical", `0A0B, since 2026-11-24 12:00 UTC, reason "spam"`,
	},
	{
		"connector_blocked_by_microsoft", "by name",
		func(w *world) {
			w.tenant.Organization.Blocked = []mailflow.BlockedConnector{{Name: "From on-premises"}}
		},
		"critical", "From on-premises",
	},
	{
		"connector_blocked_by_microsoft", "disabled",
		func(w *world) {
			w.in.Enabled = no
			w.tenant.Organization.Blocked = []mailflow.BlockedConnector{{Name: "From on-premises"}}
		},
		"", "",
	},
	{
		"connector_blocked_by_microsoft", "in another tenant",
		func(w *world) { w.other.Organization.Blocked = []mailflow.BlockedConnector{{Name: "From on-premises"}} },
		"", "",
	},
	{
		"rule_without_connector", "missing",
		func(w *world) { w.rules(ruleTo("Gone")) },
		"critical", `"Gone", which does not exist`,
	},
	{
		"rule_without_connector", "disabled",
		func(w *world) { w.rules(ruleTo("To on-premises")); w.out.Enabled = no },
		"critical", "which is disabled",
	},
	{
		"rule_without_connector", "in test mode, by GUID",
		func(w *world) { w.rules(ruleTo("0a-0b")); w.byRule(); w.out.TestMode = yes },
		"critical", `"To on-premises", which is in test mode`,
	},
	{
		"rule_without_connector", "enabled",
		func(w *world) { w.rules(ruleTo("to On-premises")) },
		"", "",
	},
	{
		"rule_without_connector", "by path",
		func(w *world) { w.rules(ruleTo(`contoso.onmicrosoft.com\To on-premises`)) },
		"", "",
	},
	{
		"rule_without_connector", "a disabled rule",
		func(w *world) { r := ruleTo("Gone"); r.State = "Disabled"; w.rules(r) },
		"", "",
	},
	{
		"rule_without_connector", "a rule in audit mode",
		func(w *world) { r := ruleTo("Gone"); r.Mode = "Audit"; w.rules(r) },
		"", "",
	},
	{
		"rule_without_connector", "a rule of which the state is not known",
		func(w *world) { r := ruleTo("Gone"); r.State = ""; w.rules(r) },
		"", "",
	},
	{
		"rule_without_connector", "connectors not exported",
		func(w *world) { w.rules(ruleTo("Gone")); w.tenant.Organization.Read = nil },
		"", "",
	},
	{
		"rule_without_connector", "a rule that routes to none",
		func(w *world) { w.rules(ruleTo("")) },
		"", "",
	},
	{
		"connector_without_rule", "no rule",
		func(w *world) { w.byRule(); w.rules() },
		"warning", "none of 0 mail flow rules",
	},
	{
		"connector_without_rule", "a disabled rule",
		func(w *world) { w.byRule(); r := ruleTo("To on-premises"); r.State = "Disabled"; w.rules(r) },
		"warning", `the rule "Encrypt" that routes mail to it is not in effect`,
	},
	{
		"connector_without_rule", "a rule",
		func(w *world) { w.byRule(); w.rules(ruleTo("To on-premises")) },
		"", "",
	},
	{
		"connector_without_rule", "a rule of which the state is not known",
		func(w *world) { w.byRule(); r := ruleTo("To on-premises"); r.State = ""; w.rules(r) },
		"", "",
	},
	{"connector_without_rule", "rules not exported", func(w *world) { w.byRule() }, "", ""},
	{"connector_without_rule", "not for a rule", func(w *world) { w.rules() }, "", ""},
	{
		"not_judged", "no export",
		func(w *world) { w.tenant.Organization.Read = []mailflow.Cmdlet{mailflow.GetBlockedConnector} },
		"info", "Get-TransportRule: there is no export of it. Not judged: rule_without_connector, connector_without_rule.",
	},
	{
		"not_judged", "a missing permission",
		func(w *world) {
			w.readAll()
			w.tenant.Organization.Read = w.tenant.Organization.Read[1:]
			w.tenant.Organization.Failed = map[mailflow.Cmdlet]string{mailflow.GetOrganizationConfig: "no role."}
		},
		"info", "Get-OrganizationConfig: no role. Not judged: direct_send_open, direct_send_rejected.",
	},
	{
		"not_judged", "a property that is missing",
		func(w *world) { w.readAll(); w.tenant.Organization.RejectDirectSend = mailflow.Unknown },
		"info", "RejectDirectSend is not among its properties",
	},
	{"not_judged", "all are read", (*world).readAll, "", ""},
	{
		"not_judged", "exports of connectors and domains alone",
		func(w *world) { w.tenant.Organization.Read = []mailflow.Cmdlet{mailflow.GetAcceptedDomain} },
		"", "",
	},
}

// readAll lets the records of every cmdlet be known.
func (w *world) readAll() {
	w.tenant.Organization.Read = slices.Clone(mailflow.OptionalCmdlets)
	w.tenant.Organization.RejectDirectSend = yes
}

// TestBlockedConnectorThatIsNotKnown: the finding is about the tenant, and not critical.
func TestBlockedConnectorThatIsNotKnown(t *testing.T) {
	w := newWorld()
	w.tenant.Organization.Blocked = []mailflow.BlockedConnector{{ConnectorID: "0c"}}
	all := w.run()
	if len(all) != 1 || all[0].Key != (check.Key{
		Code: "connector_blocked_by_microsoft", Subject: check.Subject{Tenant: "contoso"},
	}) || all[0].Severity != check.Warning || all[0].Uncertain == "" {
		t.Errorf("%+v", all)
	}
}
