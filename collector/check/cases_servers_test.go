package check_test

import (
	"net/netip"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

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
		"server_out_of_date", "the end of the pause is not known",
		func(w *world) { w.servers(server(-60, -30)); w.paused(0) },
		"warning", "the end of the pause is not known",
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

var firewallCases = []testCase{
	{
		"firewall_incomplete", "a range is missing",
		func(w *world) { w.firewall("ranges.json", "40.92.0.0/15", "2a01:111:f400::/48") },
		"warning", "allow.txt does not contain 2a01:111:f400::/48 (IPv6), which is in ranges.json.",
	},
	{
		"firewall_incomplete", "of the built-in ranges",
		func(w *world) { w.firewall("", "40.92.0.0/15") },
		"warning uncertain", "allow.txt does not contain 40.92.0.0/15 (IPv4), which is in the built-in list.",
	},
	{
		"firewall_incomplete", "a part is missing",
		func(w *world) { w.firewall("ranges.json", "40.92.0.0/15"); w.Firewall.Missing[0].Partly = true },
		"warning", "contains only a part of 40.92.0.0/15",
	},
	{"firewall_incomplete", "complete", func(w *world) { w.firewall("ranges.json") }, "", ""},
	{"firewall_incomplete", "no list", func(*world) {}, "", ""},
	{
		"firewall_incomplete", "fetched recently",
		func(w *world) { w.fetchedEndpoints(24*time.Hour, "", "40.92.0.0/15") },
		"warning", "allow.txt does not contain 40.92.0.0/15 (IPv4), which is in https://endpoints.example/.",
	},
	{
		"firewall_incomplete", "fetched long ago",
		func(w *world) { w.fetchedEndpoints(36*24*time.Hour, "", "40.92.0.0/15") },
		"warning uncertain", "allow.txt does not contain 40.92.0.0/15",
	},
	{
		"endpoints_not_read", "for four days",
		func(w *world) { w.fetchedEndpoints(4*24*time.Hour, "the server answered 429") },
		"info", "https://endpoints.example/ was last read on 2026-11-20 12:00 UTC. " +
			"The latest attempt failed: the server answered 429.",
	},
	{
		"endpoints_not_read", "never",
		func(w *world) { w.fetchedEndpoints(0, "the server answered 429"); w.Firewall.Fetched = time.Time{} },
		"info", "https://endpoints.example/ has never been read: the server answered 429.",
	},
	{
		"endpoints_not_read", "since yesterday",
		func(w *world) { w.fetchedEndpoints(24*time.Hour, "the server answered 429") },
		"", "",
	},
	{"endpoints_not_read", "a file", func(w *world) { w.firewall("ranges.json") }, "", ""},
}

// firewall gives the facts a list that lacks ranges.
func (w *world) firewall(endpoints string, missing ...string) {
	w.Firewall = &check.Firewall{File: "allow.txt", Endpoints: endpoints}
	for _, text := range missing {
		w.Firewall.Missing = append(w.Firewall.Missing, mailflow.Uncovered{Range: netip.MustParsePrefix(text)})
	}
}

// fetchedEndpoints gives the facts a list that lacks ranges, which were fetched at an age.
func (w *world) fetchedEndpoints(age time.Duration, problem string, missing ...string) {
	w.firewall("https://endpoints.example/", missing...)
	w.Firewall.URL, w.Firewall.Fetched, w.Firewall.Problem = w.Firewall.Endpoints, w.Now.Add(-age), problem
}
