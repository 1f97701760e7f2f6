package check_test

import (
	"net/netip"

	"m365_connector_exporter/probes/mailflow"
)

// alsoIn adds an inbound connector to the tenant.
func (w *world) alsoIn(change func(c *mailflow.InboundConnector)) {
	c := mailflow.InboundConnector{Common: mailflow.Common{Name: "second", Type: mailflow.OnPremises}}
	change(&c)
	w.tenant.Inbound = append(w.tenant.Inbound, c)
	w.in = &w.tenant.Inbound[0]
}

// lock makes the inbound connector a Partner connector that restricts all senders to its addresses.
func lock(w *world) {
	w.in.Type, w.in.RestrictDomainsToIPAddresses, w.in.SenderIPAddresses = mailflow.Partner, yes, []string{"198.51.100.10"}
}

// gateway leads the mail of the own domain to a gateway; that of the initial domain always leads to Exchange Online.
func gateway(w *world) { w.MX["contoso.com"] = []string{"mx1.gateway.example", "mx2.gateway.example"} }

var inboundCases = []testCase{
	{"no_authentication", "nothing", func(w *world) { w.in.TLSSenderCertificateName = "" }, "critical", ""},
	{"no_authentication", "an address", func(w *world) { w.byAddress() }, "", ""},
	{
		"no_authentication", "another organization is trusted",
		func(w *world) { w.in.TLSSenderCertificateName, w.in.TrustedOrganizations = "", []string{"fabrikam"} },
		"", "",
	},
	{
		"no_authentication", "Partner connector",
		func(w *world) { w.in.TLSSenderCertificateName, w.in.Type = "", mailflow.Partner },
		"", "",
	},
	{
		"certificate_name_too_broad", "every certificate or recipient",
		func(w *world) { w.in.TLSSenderCertificateName = "*" },
		"critical", "every certificate",
	},
	{
		"certificate_name_too_broad", "public suffix",
		func(w *world) { w.in.TLSSenderCertificateName = "*.co.uk" },
		"critical", "co.uk is a public suffix",
	},
	{
		"certificate_name_too_broad", "top level",
		func(w *world) { w.in.TLSSenderCertificateName = "com" },
		"critical", "",
	},
	{
		"certificate_name_too_broad", "every tenant",
		func(w *world) { w.in.TLSSenderCertificateName = "*.onmicrosoft.com" },
		"critical", "belongs to Microsoft",
	},
	{
		"certificate_name_too_broad", "Microsoft's servers",
		func(w *world) { w.in.TLSSenderCertificateName = "mail.protection.outlook.com" },
		"critical", "",
	},
	{
		"certificate_name_too_broad", "the tenant's own initial domain",
		func(w *world) { w.in.TLSSenderCertificateName = "*.contoso.onmicrosoft.com" },
		"", "",
	},
	{
		"certificate_name_too_broad", "another organization's domain",
		func(w *world) { w.in.TLSSenderCertificateName = "*.example.net" },
		"", "",
	},
	{
		"certificate_name_too_broad", "a host without a domain",
		func(w *world) { w.in.TLSSenderCertificateName = "edge" },
		"", "",
	},
	{"ip_authentication_only", "printer", func(w *world) { w.byAddress() }, "info", "198.51.100.10"},
	{
		"ip_authentication_only", "a printer for own recipients",
		func(w *world) { w.byAddress(); w.sender.Relays = "internal" },
		"", "",
	},
	{
		"ip_authentication_only", "with a certificate",
		func(w *world) { w.in.SenderIPAddresses = []string{"198.51.100.10"} },
		"", "",
	},
	{
		"sender_address_invalid", "IPv6",
		func(w *world) { w.in.SenderIPAddresses = []string{"2001:db8::1"} },
		"critical", "IPv6 is not supported",
	},
	{
		"sender_address_invalid", "too wide",
		func(w *world) { w.in.SenderIPAddresses = []string{"198.51.100.0/23"} },
		"critical", "wider than /24",
	},
	{
		"sender_address_invalid", "host bits set",
		func(w *world) { w.in.SenderIPAddresses = []string{"198.51.100.7/24"} },
		"", "",
	},
	{
		"exchange_online_address_as_sender", "a range of Exchange Online",
		func(w *world) { w.byAddress(); w.in.SenderIPAddresses = []string{"40.107.22.0/24"} },
		"critical", "SenderIPAddresses contains 40.107.22.0/24, which is in 40.107.0.0/16, a range of Exchange Online.",
	},
	{
		"exchange_online_address_as_sender", "one address among others",
		func(w *world) { w.byAddress(); w.in.SenderIPAddresses = []string{"198.51.100.10", "104.47.1.2"} },
		"critical", "104.47.1.2",
	},
	{
		"exchange_online_address_as_sender", "beside the range",
		func(w *world) { w.byAddress(); w.in.SenderIPAddresses = []string{"104.47.128.1"} },
		"", "",
	},
	{
		"exchange_online_address_as_sender", "Partner connector",
		func(w *world) { openPartner(w); w.in.SenderIPAddresses = []string{"40.107.22.0/24"} },
		"", "",
	},
	{
		"sender_address_private", "private",
		func(w *world) { w.in.SenderIPAddresses = []string{"192.168.0.1/25"} },
		"warning", "private",
	},
	{
		"sender_address_private", "carrier-grade NAT",
		func(w *world) { w.in.SenderIPAddresses = []string{"100.64.1.1"} },
		"warning", "",
	},
	{
		"sender_address_private", "for documentation",
		func(w *world) { w.in.SenderIPAddresses = []string{"203.0.113.1"} },
		"", "",
	},
	{
		"sender_address_private", "DNS is not queried",
		func(w *world) { w.sender.Addresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")} },
		"", "",
	},
	{"inbound_connector_without_sender", "none", func(w *world) { w.tenant.Senders = nil }, "info", ""},
	{
		"inbound_connector_without_sender", "assumed, nothing known",
		func(w *world) { w.sender.Assumed, w.sender.ClientCertificate, w.out.Type = true, nil, mailflow.Partner },
		"info", "",
	},
	{
		"inbound_connector_without_sender", "assumed from own servers",
		func(w *world) { w.sender.Assumed, w.sender.ClientCertificate = true, nil },
		"", "",
	},
	{
		"inbound_connector_without_sender", "assumed from addresses",
		func(w *world) { w.byAddress(); w.sender.Assumed, w.out.Type = true, mailflow.Partner },
		"", "",
	},
	{
		"inbound_connector_without_sender", "Partner connector",
		func(w *world) { w.tenant.Senders, w.in.Type = nil, mailflow.Partner },
		"", "",
	},
}

var restrictionCases = []testCase{
	{
		"restriction_without_list", "addresses",
		func(w *world) { lock(w); w.in.SenderIPAddresses = nil },
		"critical", "SenderIPAddresses is empty",
	},
	{"restriction_without_list", "certificate", func(w *world) {
		w.in.Type, w.in.RestrictDomainsToCertificate, w.in.TLSSenderCertificateName = mailflow.Partner, yes, ""
	}, "critical", ""},
	{"restriction_without_list", "with a list", lock, "", ""},
	{
		"partner_lockout", "MX at Exchange Online",
		lock,
		"critical", "the MX of contoso.com (contoso-com.mail.protection.outlook.com) points to Exchange Online",
	},
	{"partner_lockout", "behind a gateway", func(w *world) { lock(w); gateway(w) }, "info", ""},
	{"partner_lockout", "DNS was not queried", func(w *world) { lock(w); w.MX = nil }, "info", ""},
	{
		"partner_lockout", "one partner",
		func(w *world) { lock(w); w.in.SenderDomains = []string{"friend.example"} },
		"", "",
	},
	{
		"partner_lockout", "all senders, without restriction",
		func(w *world) { lock(w); w.in.RestrictDomainsToIPAddresses = no },
		"", "",
	},
	{
		"treat_as_internal_conflict", "with cross-premises headers",
		func(w *world) { w.in.TreatMessagesAsInternal = yes },
		"warning", "CloudServicesMailEnabled",
	},
	{"treat_as_internal_conflict", "Partner connector", func(w *world) {
		w.in.Type, w.in.TreatMessagesAsInternal, w.in.CloudServicesMailEnabled = mailflow.Partner, yes, no
	}, "warning", "Partner"},
	{
		"treat_as_internal_conflict", "without",
		func(w *world) { w.in.TreatMessagesAsInternal, w.in.CloudServicesMailEnabled = yes, no },
		"", "",
	},
	{
		"enhanced_filtering_off", "locked down behind a gateway",
		func(w *world) { lock(w); gateway(w); w.in.EFSkipLastIP = no },
		"info", "EFSkipLastIP is false and EFSkipIPs is empty.",
	},
	{
		"enhanced_filtering_off", "on",
		func(w *world) { lock(w); gateway(w); w.in.EFSkipLastIP = yes },
		"", "",
	},
	{
		"enhanced_filtering_off", "unknown",
		func(w *world) { lock(w); gateway(w) },
		"", "",
	},
	{
		"enhanced_filtering_off", "mail arrives at Exchange Online directly",
		func(w *world) { lock(w); w.in.EFSkipLastIP = no },
		"", "",
	},
	{
		"enhanced_filtering_off", "one partner",
		func(w *world) {
			lock(w)
			gateway(w)
			w.in.EFSkipLastIP, w.in.SenderDomains = no, []string{"partner.example"}
		},
		"", "",
	},
	{
		"enhanced_filtering_incomplete", "for some recipients",
		func(w *world) { w.in.EFSkipLastIP, w.in.EFUsers = yes, []string{"a@contoso.com"} },
		"warning", "1 recipients",
	},
	{
		"enhanced_filtering_incomplete", "private",
		func(w *world) { w.in.EFSkipIPs = []string{"203.0.113.9", "10.0.0.0/24"} },
		"warning", "10.0.0.0/24",
	},
	{
		"enhanced_filtering_incomplete", "Microsoft's",
		func(w *world) { w.in.EFSkipIPs = []string{"40.107.1.1-40.107.1.9"} },
		"warning", "40.107.0.0/16",
	},
	{"enhanced_filtering_incomplete", "whole", func(w *world) { w.in.EFSkipIPs = []string{"203.0.113.9"} }, "", ""},
	{"enhanced_filtering_incomplete", "off", func(w *world) { w.in.EFUsers = []string{"a@contoso.com"} }, "", ""},
}
