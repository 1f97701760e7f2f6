package check_test

import (
	"m365_connector_exporter/probes/mailflow"
)

// openPartner makes the inbound connector a Partner connector without restrictions, for one domain.
func openPartner(w *world) {
	w.in.Type, w.in.SenderDomains, w.in.RequireTLS = mailflow.Partner, []string{"partner.example"}, no
	w.in.RestrictDomainsToIPAddresses, w.in.RestrictDomainsToCertificate = no, no
	w.in.TLSSenderCertificateName = ""
}

var effectCases = []testCase{
	{
		"restriction_without_effect", "OnPremises",
		func(w *world) { w.in.RestrictDomainsToCertificate = yes },
		"info", "RestrictDomainsToCertificate",
	},
	{"restriction_without_effect", "Partner", lock, "", ""},
	{
		"restriction_without_effect", "by address, as printer relays have it",
		func(w *world) { w.byAddress(); w.in.RestrictDomainsToIPAddresses = yes },
		"info", "RestrictDomainsToIPAddresses is true, ConnectorType is OnPremises.",
	},
	{
		"list_without_effect", "addresses",
		func(w *world) { openPartner(w); w.in.SenderIPAddresses = []string{"198.51.100.10"} },
		"info", "RestrictDomainsToIPAddresses is false; SenderIPAddresses: 198.51.100.10.",
	},
	{
		"list_without_effect", "certificate name",
		func(w *world) { openPartner(w); w.in.TLSSenderCertificateName = "partner.example" },
		"info", "TlsSenderCertificateName is partner.example.",
	},
	{
		"list_without_effect", "certificate name with RequireTls",
		func(w *world) {
			openPartner(w)
			w.in.TLSSenderCertificateName, w.in.RequireTLS = "partner.example", yes
		},
		"", "",
	},
	{
		"list_without_effect", "certificate name that is enforced",
		func(w *world) {
			openPartner(w)
			w.in.TLSSenderCertificateName, w.in.RestrictDomainsToCertificate = "partner.example", yes
		},
		"", "",
	},
	{"list_without_effect", "addresses that are enforced", lock, "", ""},
	{
		"list_without_effect", "restriction unknown",
		func(w *world) {
			openPartner(w)
			w.in.SenderIPAddresses, w.in.RestrictDomainsToIPAddresses = []string{"198.51.100.10"}, mailflow.Unknown
		},
		"", "",
	},
	{
		"list_without_effect", "OnPremises", func(w *world) { w.byAddress(); w.in.RestrictDomainsToIPAddresses = no }, "", "",
	},
	{
		"property_without_effect", "centralized transport",
		func(w *world) { w.partner(); w.out.RouteAllMessagesViaOnPremises = yes },
		"info", "RouteAllMessagesViaOnPremises is true, ConnectorType is Partner.",
	},
	{
		"property_without_effect", "all accepted domains",
		func(w *world) { w.partner(); w.out.AllAcceptedDomains = yes },
		"info", "AllAcceptedDomains",
	},
	{
		"property_without_effect", "sender rewriting",
		func(w *world) { w.partner(); w.out.SenderRewritingEnabled = yes },
		"info", "SenderRewritingEnabled",
	},
	{"property_without_effect", "on own servers", func(w *world) { w.out.AllAcceptedDomains = yes }, "", ""},
	{"property_without_effect", "false", func(w *world) { w.partner() }, "", ""},
	{
		"tls_required_of_everyone", "all senders",
		func(w *world) { openPartner(w); w.in.SenderDomains, w.in.RequireTLS = []string{"smtp:*;1"}, yes },
		"info", "SenderDomains contains * and RequireTls is true.",
	},
	{
		"tls_required_of_everyone", "one partner",
		func(w *world) { openPartner(w); w.in.RequireTLS = yes },
		"", "",
	},
	{
		"tls_required_of_everyone", "restricted to addresses too",
		func(w *world) { lock(w); w.in.RequireTLS, w.in.RestrictDomainsToCertificate = yes, no },
		"", "",
	},
	{"tls_required_of_everyone", "TrustedOrganizations, beside which no other property counts", func(w *world) {
		openPartner(w)
		w.in.SenderDomains, w.in.RequireTLS, w.in.TrustedOrganizations = []string{"*"}, yes, []string{"fabrikam.com"}
	}, "", ""},
	{"tls_required_of_everyone", "the wizard's connector", func(*world) {}, "", ""},
}

// internalByAddress makes the inbound connector treat messages from one address as internal.
func internalByAddress(w *world) {
	w.byAddress()
	w.in.CloudServicesMailEnabled, w.in.TreatMessagesAsInternal = no, yes
	w.out.CloudServicesMailEnabled = no
}

var hybridCases = []testCase{
	{
		"hybrid_ends_differ", "outbound off",
		func(w *world) { w.out.CloudServicesMailEnabled = no },
		"warning", "CloudServicesMailEnabled is false, on the connector From on-premises it is true.",
	},
	{
		"hybrid_ends_differ", "inbound off, several pairs",
		func(w *world) {
			w.out.Name, w.in.Name = "Outbound to 1111", "Inbound from 1111"
			w.sender.Connector = w.in.Name
			w.alsoOut("example.net").Common = mailflow.Common{
				Name: "Outbound to 2222", Type: mailflow.OnPremises, Source: "HybridWizard",
			}
			w.out.CloudServicesMailEnabled, w.in.CloudServicesMailEnabled = yes, no
		},
		"warning", "on the connector Outbound to 1111 it is true",
	},
	{"hybrid_ends_differ", "both on", func(w *world) { w.out.CloudServicesMailEnabled = yes }, "", ""},
	{"hybrid_ends_differ", "one unknown", func(w *world) { w.out.CloudServicesMailEnabled = mailflow.Unknown }, "", ""},
	{
		"hybrid_ends_differ", "not the wizard's",
		func(w *world) { w.out.CloudServicesMailEnabled, w.out.Source = no, "AdminUI" },
		"", "",
	},
	{
		"hybrid_ends_differ", "of two pairs",
		func(w *world) {
			w.out.Name, w.in.Name = "Outbound to 1111", "Inbound from 2222"
			w.sender.Connector, w.out.CloudServicesMailEnabled = w.in.Name, no
			w.alsoOut("example.net").Common = mailflow.Common{
				Name: "Outbound to 2222", Type: mailflow.OnPremises, Source: "HybridWizard", CloudServicesMailEnabled: yes,
			}
		},
		"", "",
	},
	{
		"treat_as_internal", "an address of a service",
		internalByAddress,
		"warning uncertain", "not known as your own: 198.51.100.10.",
	},
	{
		"treat_as_internal", "the server that mail is sent to",
		func(w *world) { internalByAddress(w); w.in.SenderIPAddresses = []string{"192.0.2.0/30"} },
		"", "",
	},
	{
		"treat_as_internal", "a smart host by address",
		func(w *world) { internalByAddress(w); w.out.SmartHosts = []string{"[198.51.100.10]"} },
		"", "",
	},
	{
		"treat_as_internal", "by certificate",
		func(w *world) {
			w.in.TreatMessagesAsInternal, w.in.CloudServicesMailEnabled, w.out.CloudServicesMailEnabled = yes, no, no
		},
		"", "",
	},
	{"treat_as_internal", "off", func(w *world) { internalByAddress(w); w.in.TreatMessagesAsInternal = no }, "", ""},
}

// byMX makes the outbound connector route by the recipient domain's MX.
func byMX(w *world) { w.out.UseMXRecord, w.out.SmartHosts = yes, nil }

var loopCases = []testCase{
	{
		"mail_loop", "own domain, MX at Exchange Online",
		byMX,
		"critical", "the MX of the accepted domain contoso.com is contoso-com.mail.protection.outlook.com.",
	},
	{
		"mail_loop", "all accepted domains",
		func(w *world) { byMX(w); w.out.RecipientDomains, w.out.AllAcceptedDomains = nil, yes },
		"critical", "contoso.com",
	},
	{
		"mail_loop", "centralized transport",
		func(w *world) {
			byMX(w)
			w.out.RecipientDomains, w.out.RouteAllMessagesViaOnPremises = []string{"*"}, yes
		},
		"critical", "contoso.com",
	},
	{
		"mail_loop", "* and an internal relay domain",
		func(w *world) {
			byMX(w)
			w.out.RecipientDomains, w.tenant.AcceptedDomains[0].Type = []string{"*"}, "InternalRelay"
		},
		"critical", "contoso.com",
	},
	{
		"mail_loop", "audit", func(w *world) { byMX(w); w.MX, w.NoNetwork = nil, true }, "warning",
		"whose MX is unknown: contoso.com.",
	},
	{"mail_loop", "no answer from DNS", func(w *world) { byMX(w); delete(w.MX, "contoso.com") }, "warning", "unknown"},
	{"mail_loop", "MX at a gateway", func(w *world) { byMX(w); gateway(w) }, "", ""},
	{
		"mail_loop", "* and an authoritative domain", func(w *world) { byMX(w); w.out.RecipientDomains = []string{"*"} }, "",
		"",
	},
	{
		"mail_loop", "another domain",
		func(w *world) { byMX(w); w.out.RecipientDomains = []string{"example.net"} },
		"", "",
	},
	{"mail_loop", "smart host", func(*world) {}, "", ""},
	{"mail_loop", "Partner connector", func(w *world) { byMX(w); w.partner() }, "", ""},
	{"mail_loop", "used by a rule", func(w *world) { byMX(w); w.out.IsTransportRuleScoped = yes }, "", ""},
	{"mail_loop", "disabled", func(w *world) { byMX(w); w.out.Enabled = no }, "", ""},
	{
		"mail_loop", "the initial domain only",
		func(w *world) { byMX(w); w.out.RecipientDomains = []string{"contoso.onmicrosoft.com"} },
		"", "",
	},
}
