package check_test

import (
	"net/netip"

	"m365_connector_exporter/probes/mailflow"
)

// alsoOut adds an outbound connector to the tenant.
func (w *world) alsoOut(domains ...string) *mailflow.OutboundConnector {
	w.tenant.Outbound = append(w.tenant.Outbound, mailflow.OutboundConnector{
		Common: mailflow.Common{Name: "second", Type: mailflow.Partner}, RecipientDomains: domains, UseMXRecord: yes,
	})
	w.out = &w.tenant.Outbound[0]
	return &w.tenant.Outbound[1]
}

var outboundCases = []testCase{
	{"smart_hosts_missing", "none", func(w *world) { w.out.SmartHosts = nil }, "critical", ""},
	{"smart_hosts_missing", "by MX", func(w *world) { w.out.SmartHosts, w.out.UseMXRecord = nil, yes }, "", ""},
	{
		"smart_hosts_missing", "UseMXRecord unknown",
		func(w *world) { w.out.SmartHosts, w.out.UseMXRecord = nil, mailflow.Unknown },
		"", "",
	},
	{"smart_hosts_ignored", "by MX", func(w *world) { w.out.UseMXRecord = yes }, "warning", "mail.contoso.com"},
	{"smart_hosts_ignored", "used", func(*world) {}, "", ""},
	{"smart_host_is_exchange_online", "own MX, by its name", func(w *world) {
		w.out.SmartHosts, w.MX = []string{"Contoso-com.mail.protection.outlook.com."}, nil
	}, "critical", "the MX of contoso.com"},
	{"smart_host_is_exchange_online", "own MX, by Get-DnssecStatusForVerifiedDomain", func(w *world) {
		w.out.SmartHosts, w.MX = []string{"other-name.e-v1.mx.microsoft"}, nil
		w.tenant.Organization.DNSSEC = []mailflow.DomainStatus{{Domain: "contoso.com", MX: "other-name.e-v1.mx.microsoft"}}
	}, "critical", "the MX of contoso.com"},
	{"smart_host_is_exchange_online", "own MX, by DNS", func(w *world) {
		w.MX["contoso.com"] = []string{"other-name.mail.protection.outlook.com"}
		w.out.SmartHosts = []string{"other-name.mail.protection.outlook.com"}
	}, "critical", ""},
	{
		"smart_host_is_exchange_online", "an address",
		func(w *world) { w.out.SmartHosts = []string{"[40.107.3.4]"} },
		"critical", "40.107.0.0/16",
	},
	{
		"smart_host_is_exchange_online", "another tenant",
		func(w *world) { w.out.SmartHosts = []string{"fabrikam-com.mail.protection.outlook.com"} },
		"info", "",
	},
	{
		"smart_host_is_exchange_online", "by a configured pattern",
		func(w *world) { w.out.SmartHosts, w.ExchangeHosts = []string{"exo.lab.test"}, []string{"*.lab.test"} },
		"info", "",
	},
	{
		"smart_host_is_exchange_online", "own gateway that is the MX",
		func(w *world) { gateway(w); w.out.SmartHosts = []string{"mx1.gateway.example"} },
		"", "",
	},
	{
		"smart_host_is_exchange_online", "by MX: the smart host is not used",
		func(w *world) { w.out.SmartHosts, w.out.UseMXRecord = []string{"40.107.3.4"}, yes },
		"", "",
	},
	{
		"smart_host_private_address", "private",
		func(w *world) { w.out.SmartHosts = []string{"10.0.0.1"} },
		"warning", "private",
	},
	{
		"smart_host_private_address", "a range",
		func(w *world) { w.out.SmartHosts = []string{"192.168.0.0/28"} },
		"warning", "",
	},
	{
		"smart_host_private_address", "for documentation",
		func(w *world) { w.out.SmartHosts = []string{"198.51.100.1"} },
		"", "",
	},
	{
		"smart_host_private_address", "a name that resolves to one",
		func(w *world) { w.path.Endpoints[0].Address = "10.0.0.1" },
		"", "",
	},
	{"tls_opportunistic", "own servers", func(w *world) { w.tls(mailflow.Opportunistic) }, "warning", ""},
	{"tls_opportunistic", "a partner", func(w *world) { w.partner() }, "", ""},
	{"tls_domain_missing", "none", func(w *world) { w.out.TLSDomain = "" }, "critical", ""},
	{"tls_domain_missing", "not required", func(w *world) { w.tls(mailflow.CertificateValidation) }, "", ""},
	{
		"tls_domain_ignored", "not validated",
		func(w *world) { w.out.TLSSettings = mailflow.CertificateValidation },
		"warning", "CertificateValidation",
	},
	{"tls_domain_ignored", "validated", func(*world) {}, "", ""},
}

var routingCases = []testCase{
	{
		"connectors_overlap", "one domain",
		func(w *world) { w.alsoOut("Contoso.com") },
		"warning", "This connector is for contoso.com, the connector second for contoso.com.",
	},
	{
		"connectors_overlap", "the longer wildcard is more specific",
		func(w *world) { w.out.RecipientDomains = []string{"*.example.net"}; w.alsoOut("*", "*.net") },
		"", "",
	},
	{
		"connectors_overlap", "one wildcard twice",
		func(w *world) { w.out.RecipientDomains = []string{"*.example.net"}; w.alsoOut("*.Example.net") },
		"warning", "This connector is for *.example.net, the connector second for *.example.net.",
	},
	{
		"connectors_overlap", "all accepted domains twice",
		func(w *world) {
			w.out.AllAcceptedDomains = yes
			also := w.alsoOut()
			also.Type, also.AllAcceptedDomains = mailflow.OnPremises, yes
		},
		"warning", "all accepted domains",
	},
	{
		"connectors_overlap", "all accepted domains on a Partner connector, where that has no effect",
		func(w *world) { w.out.AllAcceptedDomains = yes; w.alsoOut().AllAcceptedDomains = yes },
		"", "",
	},
	{"connectors_overlap", "all accepted domains and a wildcard that matches one", func(w *world) {
		w.tenant.AcceptedDomains = append(w.tenant.AcceptedDomains, mailflow.AcceptedDomain{Name: "sales.contoso.com"})
		w.out.AllAcceptedDomains = yes
		w.alsoOut("*.contoso.com")
	}, "warning uncertain", ""},
	{
		"connectors_overlap", "all accepted domains, and * for the rest",
		func(w *world) { w.out.AllAcceptedDomains = yes; w.alsoOut("*") },
		"info uncertain", "",
	},
	{
		"connectors_overlap", "all accepted domains and the wildcard below one",
		func(w *world) { w.out.AllAcceptedDomains = yes; w.alsoOut("*.contoso.com") },
		"warning uncertain", "",
	},
	{"connectors_overlap", "exact before all accepted before wildcard", func(w *world) {
		w.alsoOut("*.example.net")
		w.tenant.Outbound[1].AllAcceptedDomains = yes
	}, "", ""},
	{"connectors_overlap", "exact before wildcard", func(w *world) { w.alsoOut("*") }, "", ""},
	{
		"connectors_overlap", "used by a rule",
		func(w *world) { w.alsoOut("contoso.com").IsTransportRuleScoped = yes },
		"", "",
	},
	{"connectors_overlap", "disabled", func(w *world) { w.alsoOut("contoso.com").Enabled = no }, "", ""},
	{"connectors_overlap", "in test mode", func(w *world) { w.alsoOut("contoso.com").TestMode = yes }, "", ""},
	{"connectors_overlap", "inbound, by certificate", func(w *world) {
		w.alsoIn(func(c *mailflow.InboundConnector) { c.TLSSenderCertificateName = "edge.contoso.com" })
	}, "warning", "The sender edge-1 matches both this connector and"},
	{"connectors_overlap", "inbound, the same certificate name and no certificate known", func(w *world) {
		w.tenant.Senders = nil
		w.alsoIn(func(c *mailflow.InboundConnector) { c.TLSSenderCertificateName = "*.Contoso.com" })
	}, "warning", "require the same certificate"},
	{"connectors_overlap", "inbound, the same certificate name on a disabled connector", func(w *world) {
		w.tenant.Senders = nil
		w.alsoIn(func(c *mailflow.InboundConnector) {
			c.TLSSenderCertificateName, c.Enabled = "*.contoso.com", no
		})
	}, "", ""},
	{"connectors_overlap", "inbound, by address", func(w *world) {
		w.byAddress()
		w.alsoIn(func(c *mailflow.InboundConnector) { c.SenderIPAddresses = []string{"198.51.100.0/24"} })
	}, "warning", ""},
	{"connectors_overlap", "inbound, one by certificate and one by address", func(w *world) {
		w.sender.Addresses = []netip.Prefix{netip.MustParsePrefix("198.51.100.10/32")}
		w.alsoIn(func(c *mailflow.InboundConnector) { c.SenderIPAddresses = []string{"198.51.100.0/24"} })
	}, "", ""},
	{
		"recipient_outside_scope", "another organization's domain",
		func(w *world) { w.out.ValidationRecipients = []string{"probe@example.net"} },
		"warning", "at example.net, the connector is for contoso.com",
	},
	{"recipient_outside_scope", "no accepted domain", func(w *world) {
		w.out.RecipientDomains, w.out.AllAcceptedDomains, w.out.ValidationRecipients = nil, yes, []string{"probe@example.net"}
	}, "warning", "all accepted domains"},
	{"recipient_outside_scope", "matched by the wildcard", func(w *world) {
		w.out.RecipientDomains, w.out.ValidationRecipients = []string{"*.example.net"}, []string{"probe@a.b.Example.net"}
	}, "", ""},
	{"recipient_outside_scope", "every certificate or recipient", func(w *world) {
		w.out.RecipientDomains, w.out.ValidationRecipients = []string{"*"}, []string{"probe@example.net"}
	}, "", ""},
	{
		"recipient_outside_scope", "accepted",
		func(w *world) { w.out.RecipientDomains, w.out.AllAcceptedDomains = nil, yes },
		"", "",
	},
	{"recipient_outside_scope", "used by a rule", func(w *world) {
		w.out.IsTransportRuleScoped, w.out.ValidationRecipients = yes, []string{"probe@example.net"}
	}, "", ""},
	{"connector_never_used", "no domain", func(w *world) { w.out.RecipientDomains = nil }, "warning", ""},
	{
		"connector_never_used", "IsTransportRuleScoped unknown",
		func(w *world) { w.out.RecipientDomains, w.out.IsTransportRuleScoped = nil, mailflow.Unknown },
		"", "",
	},
	{
		"connector_never_used", "used by a rule",
		func(w *world) { w.out.RecipientDomains, w.out.IsTransportRuleScoped = nil, yes },
		"", "",
	},
}
