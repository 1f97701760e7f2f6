package check_test

import (
	"net/netip"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// alsoIn adds an inbound connector to the tenant.
func (w *world) alsoIn(change func(c *mailflow.InboundConnector)) {
	c := mailflow.InboundConnector{Common: mailflow.Common{Name: "second", Type: mailflow.OnPremises}}
	change(&c)
	w.tenant.Inbound = append(w.tenant.Inbound, c)
	w.in = &w.tenant.Inbound[0]
}

// alsoOut adds an outbound connector to the tenant.
func (w *world) alsoOut(domains ...string) *mailflow.OutboundConnector {
	w.tenant.Outbound = append(w.tenant.Outbound, mailflow.OutboundConnector{
		Common: mailflow.Common{Name: "second", Type: mailflow.Partner}, RecipientDomains: domains, UseMXRecord: yes,
	})
	w.out = &w.tenant.Outbound[0]
	return &w.tenant.Outbound[1]
}

// lock makes the inbound connector a partner's that restricts everybody to its addresses.
func lock(w *world) {
	w.in.Type, w.in.RestrictDomainsToIPAddresses, w.in.SenderIPAddresses = mailflow.Partner, yes, []string{"198.51.100.10"}
}

// gateway leads the mail of the own domain to a gateway; that of the initial domain always leads to Exchange Online.
func gateway(w *world) { w.MX["contoso.com"] = []string{"mx1.gateway.example", "mx2.gateway.example"} }

var inboundStories = []story{
	{"no_authentication", "nothing", func(w *world) { w.in.TLSSenderCertificateName = "" }, "critical", ""},
	{"no_authentication", "an address", func(w *world) { w.byAddress() }, "", ""},
	{"no_authentication", "another organisation is trusted", func(w *world) { w.in.TLSSenderCertificateName, w.in.TrustedOrganizations = "", []string{"fabrikam"} }, "", ""},
	{"no_authentication", "a partner's", func(w *world) { w.in.TLSSenderCertificateName, w.in.Type = "", mailflow.Partner }, "", ""},
	{"certificate_name_too_broad", "everybody", func(w *world) { w.in.TLSSenderCertificateName = "*" }, "critical", "every certificate"},
	{"certificate_name_too_broad", "public suffix", func(w *world) { w.in.TLSSenderCertificateName = "*.co.uk" }, "critical", "co.uk is a public suffix"},
	{"certificate_name_too_broad", "top level", func(w *world) { w.in.TLSSenderCertificateName = "com" }, "critical", ""},
	{"certificate_name_too_broad", "every tenant", func(w *world) { w.in.TLSSenderCertificateName = "*.onmicrosoft.com" }, "critical", "Microsoft's"},
	{"certificate_name_too_broad", "Microsoft's servers", func(w *world) { w.in.TLSSenderCertificateName = "mail.protection.outlook.com" }, "critical", ""},
	{"certificate_name_too_broad", "the tenant's own initial domain", func(w *world) { w.in.TLSSenderCertificateName = "*.contoso.onmicrosoft.com" }, "", ""},
	{"certificate_name_too_broad", "a stranger's domain", func(w *world) { w.in.TLSSenderCertificateName = "*.example.net" }, "", ""},
	{"certificate_name_too_broad", "a host without a domain", func(w *world) { w.in.TLSSenderCertificateName = "edge" }, "", ""},
	{"ip_authentication_only", "printer", func(w *world) { w.byAddress() }, "info", "198.51.100.10"},
	{"ip_authentication_only", "a printer for own people", func(w *world) { w.byAddress(); w.sender.Relays = "internal" }, "", ""},
	{"ip_authentication_only", "with a certificate", func(w *world) { w.in.SenderIPAddresses = []string{"198.51.100.10"} }, "", ""},
	{"sender_address_invalid", "IPv6", func(w *world) { w.in.SenderIPAddresses = []string{"2001:db8::1"} }, "critical", "IPv6 is not supported"},
	{"sender_address_invalid", "too wide", func(w *world) { w.in.SenderIPAddresses = []string{"198.51.100.0/23"} }, "critical", "wider than /24"},
	{"sender_address_invalid", "host bits set", func(w *world) { w.in.SenderIPAddresses = []string{"198.51.100.7/24"} }, "", ""},
	{"sender_address_private", "private", func(w *world) { w.in.SenderIPAddresses = []string{"192.168.0.1/25"} }, "warning", "private"},
	{"sender_address_private", "carriers'", func(w *world) { w.in.SenderIPAddresses = []string{"100.64.1.1"} }, "warning", ""},
	{"sender_address_private", "for documentation", func(w *world) { w.in.SenderIPAddresses = []string{"203.0.113.1"} }, "", ""},
	{"sender_address_private", "DNS is not asked", func(w *world) { w.sender.Addresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")} }, "", ""},
	{"inbound_connector_without_sender", "none", func(w *world) { w.tenant.Senders = nil }, "info", ""},
	{"inbound_connector_without_sender", "assumed of nothing", func(w *world) { w.sender.Assumed, w.sender.ClientCertificate, w.out.Type = true, nil, mailflow.Partner }, "info", ""},
	{"inbound_connector_without_sender", "assumed of what own servers will show", func(w *world) { w.sender.Assumed, w.sender.ClientCertificate = true, nil }, "", ""},
	{"inbound_connector_without_sender", "assumed of addresses", func(w *world) { w.byAddress(); w.sender.Assumed, w.out.Type = true, mailflow.Partner }, "", ""},
	{"inbound_connector_without_sender", "of a partner", func(w *world) { w.tenant.Senders, w.in.Type = nil, mailflow.Partner }, "", ""},
}

var restrictionStories = []story{
	{"restriction_without_list", "addresses", func(w *world) { lock(w); w.in.SenderIPAddresses = nil }, "critical", "SenderIPAddresses is empty"},
	{"restriction_without_list", "certificate", func(w *world) {
		w.in.Type, w.in.RestrictDomainsToCertificate, w.in.TLSSenderCertificateName = mailflow.Partner, yes, ""
	}, "critical", ""},
	{"restriction_without_list", "with a list", lock, "", ""},
	{"restriction_without_effect", "on own servers", func(w *world) { w.in.RestrictDomainsToCertificate = yes }, "warning", "RestrictDomainsToCertificate"},
	{"restriction_without_effect", "on a partner", lock, "", ""},
	{"partner_lockout", "the internet is locked out", lock, "critical", "the MX of contoso.com is contoso-com.mail.protection.outlook.com"},
	{"partner_lockout", "behind a gateway", func(w *world) { lock(w); gateway(w) }, "info", ""},
	{"partner_lockout", "DNS was not asked", func(w *world) { lock(w); w.MX = nil }, "info", ""},
	{"partner_lockout", "one partner", func(w *world) { lock(w); w.in.SenderDomains = []string{"friend.example"} }, "", ""},
	{"partner_lockout", "everybody, without restriction", func(w *world) { lock(w); w.in.RestrictDomainsToIPAddresses = no }, "", ""},
	{"treat_as_internal_conflict", "with cross-premises headers", func(w *world) { w.in.TreatMessagesAsInternal = yes }, "warning", "CloudServicesMailEnabled"},
	{"treat_as_internal_conflict", "a partner's", func(w *world) {
		w.in.Type, w.in.TreatMessagesAsInternal, w.in.CloudServicesMailEnabled = mailflow.Partner, yes, no
	}, "warning", "Partner"},
	{"treat_as_internal_conflict", "without", func(w *world) { w.in.TreatMessagesAsInternal, w.in.CloudServicesMailEnabled = yes, no }, "", ""},
	{"enhanced_filtering_incomplete", "for some recipients", func(w *world) { w.in.EFSkipLastIP, w.in.EFUsers = yes, []string{"a@contoso.com"} }, "warning", "1 recipients"},
	{"enhanced_filtering_incomplete", "private", func(w *world) { w.in.EFSkipIPs = []string{"203.0.113.9", "10.0.0.0/24"} }, "warning", "10.0.0.0/24"},
	{"enhanced_filtering_incomplete", "Microsoft's", func(w *world) { w.in.EFSkipIPs = []string{"40.107.1.1-40.107.1.9"} }, "warning", "40.107.0.0/16"},
	{"enhanced_filtering_incomplete", "whole", func(w *world) { w.in.EFSkipIPs = []string{"203.0.113.9"} }, "", ""},
	{"enhanced_filtering_incomplete", "off", func(w *world) { w.in.EFUsers = []string{"a@contoso.com"} }, "", ""},
}

var outboundStories = []story{
	{"smart_hosts_missing", "none", func(w *world) { w.out.SmartHosts = nil }, "critical", ""},
	{"smart_hosts_missing", "by MX", func(w *world) { w.out.SmartHosts, w.out.UseMXRecord = nil, yes }, "", ""},
	{"smart_hosts_missing", "not known whether by MX", func(w *world) { w.out.SmartHosts, w.out.UseMXRecord = nil, mailflow.Unknown }, "", ""},
	{"smart_hosts_ignored", "by MX", func(w *world) { w.out.UseMXRecord = yes }, "warning", "mail.contoso.com"},
	{"smart_hosts_ignored", "used", func(*world) {}, "", ""},
	{"smart_host_is_exchange_online", "own MX, by its name", func(w *world) {
		w.out.SmartHosts, w.MX = []string{"Contoso-com.mail.protection.outlook.com."}, nil
	}, "critical", "the MX of contoso.com"},
	{"smart_host_is_exchange_online", "own MX, by DNS", func(w *world) {
		w.MX["contoso.com"], w.out.SmartHosts = []string{"other-name.mail.protection.outlook.com"}, []string{"other-name.mail.protection.outlook.com"}
	}, "critical", ""},
	{"smart_host_is_exchange_online", "an address", func(w *world) { w.out.SmartHosts = []string{"[40.107.3.4]"} }, "critical", "40.107.0.0/16"},
	{"smart_host_is_exchange_online", "another tenant", func(w *world) { w.out.SmartHosts = []string{"fabrikam-com.mail.protection.outlook.com"} }, "info", ""},
	{"smart_host_is_exchange_online", "by a configured pattern", func(w *world) { w.out.SmartHosts, w.ExchangeHosts = []string{"exo.lab.test"}, []string{"*.lab.test"} }, "info", ""},
	{"smart_host_is_exchange_online", "own gateway that is the MX", func(w *world) { gateway(w); w.out.SmartHosts = []string{"mx1.gateway.example"} }, "", ""},
	{"smart_host_is_exchange_online", "by MX: it is not used", func(w *world) { w.out.SmartHosts, w.out.UseMXRecord = []string{"40.107.3.4"}, yes }, "", ""},
	{"smart_host_private_address", "private", func(w *world) { w.out.SmartHosts = []string{"10.0.0.1"} }, "warning", "private"},
	{"smart_host_private_address", "a range", func(w *world) { w.out.SmartHosts = []string{"192.168.0.0/28"} }, "warning", ""},
	{"smart_host_private_address", "for documentation", func(w *world) { w.out.SmartHosts = []string{"198.51.100.1"} }, "", ""},
	{"smart_host_private_address", "a name that leads there", func(w *world) { w.path.Endpoints[0].Address = "10.0.0.1" }, "", ""},
	{"tls_opportunistic", "own servers", func(w *world) { w.tls(mailflow.Opportunistic) }, "warning", ""},
	{"tls_opportunistic", "a partner", func(w *world) { w.partner() }, "", ""},
	{"tls_domain_missing", "none", func(w *world) { w.out.TLSDomain = "" }, "critical", ""},
	{"tls_domain_missing", "not asked for", func(w *world) { w.tls(mailflow.CertificateValidation) }, "", ""},
	{"tls_domain_ignored", "not validated", func(w *world) { w.out.TLSSettings = mailflow.CertificateValidation }, "warning", "CertificateValidation"},
	{"tls_domain_ignored", "validated", func(*world) {}, "", ""},
}

var routingStories = []story{
	{"connectors_overlap", "one domain", func(w *world) { w.alsoOut("Contoso.com") }, "warning", "It is for contoso.com, the connector second for contoso.com."},
	{"connectors_overlap", "two wildcards", func(w *world) { w.out.RecipientDomains = []string{"*.example.net"}; w.alsoOut("*") }, "warning", ""},
	{"connectors_overlap", "all accepted domains twice", func(w *world) { w.out.AllAcceptedDomains = yes; w.alsoOut().AllAcceptedDomains = yes }, "warning", "all accepted domains"},
	{"connectors_overlap", "all accepted domains and a wildcard over one", func(w *world) {
		w.tenant.AcceptedDomains = append(w.tenant.AcceptedDomains, mailflow.AcceptedDomain{Name: "sales.contoso.com"})
		w.out.AllAcceptedDomains = yes
		w.alsoOut("*.contoso.com")
	}, "warning uncertain", ""},
	{"connectors_overlap", "all accepted domains, and everything else elsewhere", func(w *world) { w.out.AllAcceptedDomains = yes; w.alsoOut("*") }, "info uncertain", ""},
	{"connectors_overlap", "all accepted domains and the wildcard below one", func(w *world) { w.out.AllAcceptedDomains = yes; w.alsoOut("*.contoso.com") }, "warning uncertain", ""},
	{"connectors_overlap", "exact before all accepted before wildcard", func(w *world) {
		w.alsoOut("*.example.net")
		w.tenant.Outbound[1].AllAcceptedDomains = yes
	}, "", ""},
	{"connectors_overlap", "exact before wildcard", func(w *world) { w.alsoOut("*") }, "", ""},
	{"connectors_overlap", "used by a rule", func(w *world) { w.alsoOut("contoso.com").IsTransportRuleScoped = yes }, "", ""},
	{"connectors_overlap", "turned off", func(w *world) { w.alsoOut("contoso.com").Enabled = no }, "", ""},
	{"connectors_overlap", "in test mode", func(w *world) { w.alsoOut("contoso.com").TestMode = yes }, "", ""},
	{"connectors_overlap", "inbound, by certificate", func(w *world) {
		w.alsoIn(func(c *mailflow.InboundConnector) { c.TLSSenderCertificateName = "edge.contoso.com" })
	}, "warning", "The sender edge-1 matches this connector and"},
	{"connectors_overlap", "inbound, by address", func(w *world) {
		w.byAddress()
		w.alsoIn(func(c *mailflow.InboundConnector) { c.SenderIPAddresses = []string{"198.51.100.0/24"} })
	}, "warning", ""},
	{"connectors_overlap", "inbound, one by certificate and one by address", func(w *world) {
		w.sender.Addresses = []netip.Prefix{netip.MustParsePrefix("198.51.100.10/32")}
		w.alsoIn(func(c *mailflow.InboundConnector) { c.SenderIPAddresses = []string{"198.51.100.0/24"} })
	}, "", ""},
	{"recipient_outside_scope", "a stranger", func(w *world) { w.out.ValidationRecipients = []string{"probe@example.net"} }, "warning", "at example.net, the connector is for contoso.com"},
	{"recipient_outside_scope", "no accepted domain", func(w *world) {
		w.out.RecipientDomains, w.out.AllAcceptedDomains, w.out.ValidationRecipients = nil, yes, []string{"probe@example.net"}
	}, "warning", "all accepted domains"},
	{"recipient_outside_scope", "under the wildcard", func(w *world) {
		w.out.RecipientDomains, w.out.ValidationRecipients = []string{"*.example.net"}, []string{"probe@a.b.Example.net"}
	}, "", ""},
	{"recipient_outside_scope", "everybody", func(w *world) {
		w.out.RecipientDomains, w.out.ValidationRecipients = []string{"*"}, []string{"probe@example.net"}
	}, "", ""},
	{"recipient_outside_scope", "accepted", func(w *world) { w.out.RecipientDomains, w.out.AllAcceptedDomains = nil, yes }, "", ""},
	{"recipient_outside_scope", "used by a rule", func(w *world) {
		w.out.IsTransportRuleScoped, w.out.ValidationRecipients = yes, []string{"probe@example.net"}
	}, "", ""},
	{"connector_never_used", "no domain", func(w *world) { w.out.RecipientDomains = nil }, "warning", ""},
	{"connector_never_used", "not known whether a rule uses it", func(w *world) { w.out.RecipientDomains, w.out.IsTransportRuleScoped = nil, mailflow.Unknown }, "", ""},
	{"connector_never_used", "used by a rule", func(w *world) { w.out.RecipientDomains, w.out.IsTransportRuleScoped = nil, yes }, "", ""},
}

// unproven leaves the path without a round that reached recipient.
func unproven(w *world) { w.path.Conclusive.Until = probes.TLSStage }

var statusStories = []story{
	{"connector_disabled", "off", func(w *world) { w.out.Enabled = no }, "info", ""},
	{"connector_disabled", "inbound", func(w *world) { w.in.Enabled = no }, "info", ""},
	{"connector_disabled", "not known: Microsoft's default is on", func(w *world) { w.out.Enabled = mailflow.Unknown }, "", ""},
	{"connector_in_test_mode", "test", func(w *world) { w.out.TestMode = yes }, "warning", ""},
	{"connector_in_test_mode", "turned off too", func(w *world) { w.out.TestMode, w.out.Enabled = yes, no }, "", ""},
	{"connector_not_validated", "never", func(w *world) { w.out.IsValidated = no; unproven(w) }, "info", ""},
	{"connector_not_validated", "never, and our own probe failed", func(w *world) { w.out.IsValidated = no; w.step(probes.Recipient, probes.ReasonRelayDenied) }, "info", ""},
	{"connector_not_validated", "our own probe passes", func(w *world) { w.out.IsValidated = no }, "", ""},
	{"connector_not_validated", "not known", func(w *world) { w.out.IsValidated = mailflow.Unknown; unproven(w) }, "", ""},
	{"connector_validation_stale", "long ago", func(w *world) { w.out.LastValidation = noon.Add(-91 * day); unproven(w) }, "info", "2026-08-25"},
	{"connector_validation_stale", "our own probe passes", func(w *world) { w.out.LastValidation = noon.Add(-91 * day) }, "", ""},
	{"connector_validation_stale", "not known when", func(w *world) { w.out.LastValidation = time.Time{}; unproven(w) }, "", ""},
	{"connector_validation_stale", "not to be judged", func(w *world) {
		w.out.LastValidation, w.Thresholds.ValidationMaxAge = noon.Add(-91*day), 0
		unproven(w)
	}, "", ""},
}

// internalRelay makes the own domain one that routes unknown recipients on, without a connector for it.
func internalRelay(w *world) {
	w.tenant.AcceptedDomains[0].Type = "InternalRelay"
	w.out.RecipientDomains, w.out.ValidationRecipients = []string{"example.net"}, nil
}

var tenantStories = []story{
	{"tenant_not_loaded", "broken", func(w *world) { w.tenant.LoadError = "in.json: not JSON" }, "critical", "in.json: not JSON"},
	{"tenant_not_loaded", "another is", func(w *world) { w.other.LoadError = "in.json: not JSON" }, "", ""},
	{"accepted_domains_unknown", "none", func(w *world) { w.tenant.AcceptedDomains = nil }, "warning", ""},
	{"accepted_domains_unknown", "nothing at all", func(w *world) { *w.tenant = mailflow.Tenant{Name: "contoso"} }, "", ""},
	{"inventory_stale", "old", func(w *world) { w.tenant.InventoryTime = noon.Add(-9 * day) }, "warning", "2026-11-15"},
	{"inventory_stale", "no export", func(w *world) { w.tenant.InventoryTime = time.Time{} }, "", ""},
	{"internal_relay_without_connector", "mail arrives", internalRelay, "warning", "contoso.com"},
	{"internal_relay_without_connector", "audit", func(w *world) { internalRelay(w); w.NoNetwork, w.MX = true, nil }, "info", ""},
	{"internal_relay_without_connector", "behind a gateway", func(w *world) { internalRelay(w); gateway(w) }, "", ""},
	{"internal_relay_without_connector", "DNS gave no answer", func(w *world) { internalRelay(w); delete(w.MX, "contoso.com") }, "", ""},
	{"internal_relay_without_connector", "a wildcard takes it", func(w *world) { internalRelay(w); w.out.RecipientDomains = []string{"*"} }, "", ""},
	{"internal_relay_without_connector", "authoritative", func(w *world) { internalRelay(w); w.tenant.AcceptedDomains[0].Type = "Authoritative" }, "", ""},
	{"accepted_domain_mx_elsewhere", "gateway", gateway, "info", "The MX of contoso.com is mx1.gateway.example, mx2.gateway.example."},
	{"accepted_domain_mx_elsewhere", "no answer", func(w *world) { w.MX = map[string][]string{} }, "", ""},
}

var proberStories = []story{
	{"vantage_blocked", "blocked", func(w *world) { w.VantageBlocked = "no path passes connect" }, "critical", "no path passes connect"},
	{"vantage_blocked", "one host is down", func(w *world) { w.step(probes.Connect, probes.ReasonConnectTimeout) }, "", ""},
	{"schedule_overloaded", "too much", func(w *world) {
		w.Overloaded = []check.Overload{{
			Address: "192.0.2.1", Paths: []probes.PathID{w.path.ID, w.inPath.ID}, Tenants: []check.TenantLoad{{Tenant: "contoso", Paths: 2}},
			TotalTime: 90 * time.Second, ShortestInterval: time.Minute,
		}}
	}, "warning", "192.0.2.1: the rounds of its paths take 1m30s, the shortest interval is 1m0s. Tenants by load, with their paths: contoso (2). Among them: contoso/outbound/To%20on-premises/mail.contoso.com"},
	{"schedule_overloaded", "in time", func(*world) {}, "", ""},
	{"next_hop_address_refused", "loopback", func(w *world) { w.step(probes.Connect, probes.ReasonAddressRefused) }, "warning", "mail.contoso.com (192.0.2.1)"},
	{"next_hop_address_refused", "dialled in vain", func(w *world) { w.step(probes.Connect, probes.ReasonConnectRefused) }, "", ""},
	{"connector_not_probeable", "no domain", func(w *world) { w.path.NotProbeable = "it names no domain" }, "info", "it names no domain"},
	{"connector_not_probeable", "switched off", func(w *world) {
		w.path.NotProbeable, w.path.NotProbed = "it names no domain", "probing is switched off"
	}, "", ""},
	{"connector_not_probeable", "because it has no smart host", func(w *world) { w.path.NotProbeable, w.out.SmartHosts = "no smart host", nil }, "", ""},
	{"prober_roots_incomplete", "an old store", func(w *world) { fails(w.exchange, probes.VerdictTrust, probes.ReasonCertificateUntrusted) }, "warning", "but with DigiCert Global Root G2"},
	{"prober_roots_incomplete", "a server of one's own", func(w *world) { fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateUntrusted) }, "", ""},
}
