package check_test

import (
	"net/netip"
	"slices"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
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

// server is an Exchange server that is throttled and blocked so many days from now; 0: never.
func server(throttled, blocked int) mailflow.OnPremServer {
	s := mailflow.OnPremServer{
		Name: "ex1.contoso.com", Build: "15.1.2507.6", RecommendedBuilds: []string{"15.2.1748.39"},
	}
	if throttled != 0 {
		s.Throttled = noon.AddDate(0, 0, throttled)
	}
	if blocked != 0 {
		s.Blocked = noon.AddDate(0, 0, blocked)
	}
	return s
}

func (w *world) servers(all ...mailflow.OnPremServer) { w.tenant.Organization.Servers = all }

func (w *world) paused(days int) {
	e := mailflow.Exemption{Scenario: "UnpatchedOnPremServer"}
	if days != 0 {
		e.Until = noon.AddDate(0, 0, days)
	}
	w.tenant.Organization.Exemptions = []mailflow.Exemption{e}
}

func (w *world) route(domain, connector string, more ...string) {
	w.tenant.Organization.Routes = []mailflow.ConnectorRoute{{Domain: domain, Connector: connector, More: more}}
}

// dualStack lets the sender's target have an IPv6 address.
func (w *world) dualStack() {
	w.byAddress()
	r := *w.inPath.Conclusive
	r.Endpoints = []probes.Endpoint{r.Endpoints[0]}
	r.Endpoints[0].HasIPv6 = true
	w.inPath.Conclusive = &r
}

// secondAddress gives the smart host another second address, which is not connected to for a reason, if there is one.
func (w *world) secondAddress(address string, reason probes.Reason) {
	r := *w.path.Newest
	e := probed("mail.contoso.com", address, w.second)
	if reason != "" {
		e.Steps = [probes.NumStages]probes.Step{{Outcome: probes.Passed}, probes.NewStep(reason, "")}
	}
	r.Endpoints = []probes.Endpoint{r.Endpoints[0], e}
	w.path.Newest = &r
}

func (w *world) ipv6Status(domain, status string) {
	w.byAddress()
	w.tenant.Organization.IPv6 = []mailflow.DomainStatus{{Domain: domain, Status: status}}
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

var firewallCases = []testCase{
	{
		"firewall_incomplete", "a range is missing",
		func(w *world) { w.firewall("ranges.json", "40.92.0.0/15", "2a01:111:f400::/48") },
		"warning", "allow.txt does not contain 2a01:111:f400::/48 (IPv6), which ranges.json has.",
	},
	{
		"firewall_incomplete", "of the built-in ranges",
		func(w *world) { w.firewall("", "40.92.0.0/15") },
		"warning uncertain", "allow.txt does not contain 40.92.0.0/15 (IPv4), which the built-in list has.",
	},
	{
		"firewall_incomplete", "a part is missing",
		func(w *world) { w.firewall("ranges.json", "40.92.0.0/15"); w.Firewall.Missing[0].Partly = true },
		"warning", "contains only a part of 40.92.0.0/15",
	},
	{"firewall_incomplete", "complete", func(w *world) { w.firewall("ranges.json") }, "", ""},
	{"firewall_incomplete", "no list", func(*world) {}, "", ""},
}

// firewall gives the facts a list that lacks ranges.
func (w *world) firewall(endpoints string, missing ...string) {
	w.Firewall = &check.Firewall{File: "allow.txt", Endpoints: endpoints}
	for _, text := range missing {
		w.Firewall.Missing = append(w.Firewall.Missing, mailflow.Uncovered{Range: netip.MustParsePrefix(text)})
	}
}

// readAll lets the records of every cmdlet be known.
func (w *world) readAll() {
	w.tenant.Organization.Read = slices.Clone(mailflow.OptionalCmdlets)
	w.tenant.Organization.RejectDirectSend = yes
}

var serverCases = []testCase{
	{
		"server_out_of_date", "blocked in two weeks",
		func(w *world) { w.servers(server(-16, 14)) },
		"critical", "throttles it since 2026-11-08 12:00 UTC and blocks it from 2026-12-08 12:00 UTC. Recommended: " +
			"15.2.1748.39",
	},
	{
		"server_out_of_date", "blocked",
		func(w *world) { w.servers(server(-60, -30)) },
		"critical", "blocks it since",
	},
	{
		"server_out_of_date", "blocked later",
		func(w *world) { w.servers(server(-15, 15)) },
		"warning", "blocks it from",
	},
	{
		"server_out_of_date", "throttled",
		func(w *world) { w.servers(server(1, 0)) },
		"warning", "throttles it from",
	},
	{
		"server_out_of_date", "paused",
		func(w *world) { w.servers(server(-60, -30)); w.paused(30) },
		"warning", "Enforcement is paused until 2026-12-24",
	},
	{
		"server_out_of_date", "pause that ends soon",
		func(w *world) { w.servers(server(-60, -30)); w.paused(3) },
		"critical", "paused until",
	},
	{
		"server_out_of_date", "paused, until when is not known",
		func(w *world) { w.servers(server(-60, -30)); w.paused(0) },
		"warning", "until when is not known",
	},
	{
		"server_out_of_date", "pause that has ended",
		func(w *world) { w.servers(server(-60, -30)); w.paused(-1) },
		"critical", "blocks it since",
	},
	{"server_out_of_date", "up to date", func(w *world) { w.servers(server(0, 0)) }, "", ""},
	{"server_out_of_date", "not known", func(*world) {}, "", ""},
	{
		"connector_differs_from_microsoft", "another",
		func(w *world) { w.route("contoso.com", "Gateway") },
		"warning", "For contoso.com Exchange Online names Gateway; the documented order gives To on-premises.",
	},
	{
		"connector_differs_from_microsoft", "one where none is expected",
		func(w *world) { w.route("example.net", "Gateway") },
		"warning", "gives no connector",
	},
	{
		"connector_differs_from_microsoft", "where the order is not clear",
		func(w *world) {
			w.route("contoso.com", "Gateway")
			w.out.RecipientDomains, w.out.AllAcceptedDomains = []string{"*"}, yes
			w.alsoOut("*.contoso.com").IsTransportRuleScoped = no
		},
		"warning uncertain", "To on-premises, second",
	},
	{
		"connector_differs_from_microsoft", "the same",
		func(w *world) { w.route("contoso.com", "to on-premises") },
		"", "",
	},
	{
		"connector_differs_from_microsoft", "the same among others",
		func(w *world) { w.route("contoso.com", "Gateway", "To on-premises") },
		"", "",
	},
	{
		"connector_differs_from_microsoft", "none",
		func(w *world) { w.route("contoso.com", "") },
		"", "",
	},
	{
		"connector_differs_from_microsoft", "one of a rule",
		func(w *world) {
			w.route("contoso.com", "second")
			w.alsoOut().IsTransportRuleScoped = yes
		},
		"", "",
	},
	{
		"connector_differs_from_microsoft", "domains not known",
		func(w *world) {
			w.route("contoso.com", "Gateway")
			w.out.MissingProperties = []string{"recipient_domains"}
		},
		"", "",
	},
	{"connector_differs_from_microsoft", "not exported", func(*world) {}, "", ""},
}

var ipv6Cases = []testCase{
	{
		"ipv6_bypasses_connector", "AAAA, as probed",
		(*world).dualStack,
		"warning uncertain", "contoso-com.mail.protection.outlook.com has an IPv6 address",
	},
	{
		"ipv6_bypasses_connector", "enabled in Exchange Online",
		func(w *world) { w.ipv6Status("contoso.com", "Enabled") },
		"warning uncertain", "IPv6 is enabled for contoso.com",
	},
	{
		"ipv6_bypasses_connector", "enabled, and the target is the domain's MX",
		func(w *world) {
			w.ipv6Status("contoso.com", "Enabled")
			w.sender.Target = "contoso-com.mail.protection.outlook.com"
		},
		"warning uncertain", "IPv6 is enabled for contoso.com",
	},
	{
		"ipv6_bypasses_connector", "an assumed sender",
		func(w *world) { w.dualStack(); w.sender.Assumed = true },
		"info uncertain", "",
	},
	{
		"ipv6_bypasses_connector", "by certificate",
		func(w *world) { w.dualStack(); w.in.TLSSenderCertificateName = "x.com" },
		"", "",
	},
	{
		"ipv6_bypasses_connector", "a sender with IPv4 only",
		func(w *world) {
			w.dualStack()
			p := *w.inPath.Path
			p.Settings.Protocol = probes.IP4
			w.inPath.Path = &p
		},
		"", "",
	},
	{
		"ipv6_bypasses_connector", "disabled",
		func(w *world) { w.ipv6Status("contoso.com", "Disabled") },
		"", "",
	},
	{
		"ipv6_bypasses_connector", "another domain",
		func(w *world) { w.ipv6Status("contoso.onmicrosoft.com", "Enabled") },
		"", "",
	},
	{
		"ipv6_not_probed", "no IPv6 here",
		func(w *world) { w.secondAddress("[2001:db8::1]:25", probes.ReasonFamilyUnavailable) },
		"info uncertain", "mail.contoso.com has the IPv6 address 2001:db8::1",
	},
	{
		"ipv6_not_probed", "probed",
		func(w *world) { w.secondAddress("[2001:db8::1]:25", "") },
		"", "",
	},
	{
		"ipv6_not_probed", "no IPv4 here",
		func(w *world) { w.secondAddress("192.0.2.9:25", probes.ReasonFamilyUnavailable) },
		"", "",
	},
	{"ipv6_bypasses_connector", "no AAAA", (*world).byAddress, "", ""},
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
