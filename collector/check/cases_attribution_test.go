package check_test

import (
	"net/netip"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

var acceptedCases = []testCase{
	{
		"certificate_domain_not_accepted", "another organization's name",
		func(w *world) { w.in.TLSSenderCertificateName = "relay.example.net"; w.presents("relay.example.net") },
		"critical", "relay.example.net",
	},
	{
		"certificate_domain_not_accepted", "two labels below",
		func(w *world) { w.in.TLSSenderCertificateName = "mail.eu.contoso.com" },
		"critical", "",
	},
	{
		"certificate_domain_not_accepted", "direct subdomain, created by the wizard",
		func(w *world) { w.in.TLSSenderCertificateName = "mail.contoso.com" },
		"info uncertain", "KB 4019940",
	},
	{
		"certificate_domain_not_accepted", "direct subdomain, created manually",
		func(w *world) { w.in.TLSSenderCertificateName, w.in.Source = "mail.contoso.com", "Default" },
		"warning uncertain", "",
	},
	{
		"certificate_domain_not_accepted", "a certificate name that the wildcard matches",
		func(w *world) { w.presents("edge.deep.contoso.com") },
		"warning uncertain", "edge.deep.contoso.com",
	},
	{
		"certificate_domain_not_accepted", "direct subdomain, matched by the accepted wildcard",
		func(w *world) { w.in.Source = "Default" },
		"", "",
	},
	{
		"certificate_domain_not_accepted", "an accepted domain",
		func(w *world) { w.in.TLSSenderCertificateName = "contoso.com" },
		"", "",
	},
	{"certificate_domain_not_accepted", "under MatchSubDomains", func(w *world) {
		w.tenant.AcceptedDomains[0].MatchSubDomains, w.in.TLSSenderCertificateName = yes, "mail.eu.contoso.com"
	}, "", ""},
	{
		"certificate_domain_not_accepted", "Partner connector",
		func(w *world) { w.in.Type, w.in.TLSSenderCertificateName = mailflow.Partner, "relay.example.net" },
		"", "",
	},
	{
		"certificate_domain_not_accepted", "accepted domains unknown",
		func(w *world) { w.tenant.AcceptedDomains = nil },
		"", "",
	},
	{
		"certificate_names_not_accepted", "another domain in the SAN",
		func(w *world) { w.presents("edge.contoso.com edge.example.net") },
		"info", "also contains edge.example.net",
	},
	{
		"certificate_names_not_accepted", "accepted in the SAN",
		func(w *world) { w.presents("edge.contoso.com contoso.com") },
		"", "",
	},
	{
		"presented_certificate_not_configured", "renewed with another name",
		func(w *world) { w.presents("edge.example.net") },
		"critical", "the connector requires *.contoso.com, the certificate contains edge.example.net",
	},
	{"presented_certificate_not_configured", "certificate known from the probe", func(w *world) {
		w.sender.ClientCertificate, w.client.Chain[0].CommonName, w.client.Chain[0].DNSNames = nil, "edge.example.net", nil
	}, "critical", "edge.example.net"},
	{
		"presented_certificate_not_configured", "names that are not recorded may match",
		func(w *world) { w.presents("edge.example.net"); w.sender.ClientCertificate.OmittedNames = 900 },
		"warning uncertain", "edge.example.net",
	},
	{
		"presented_certificate_not_configured", "one of very many names matches",
		func(w *world) { w.presents("edge.contoso.com"); w.sender.ClientCertificate.OmittedNames = 900 },
		"", "",
	},
	{
		"presented_certificate_not_configured", "assumed",
		func(w *world) { w.presents("edge.example.net"); w.sender.Assumed = true },
		"warning", "assumed",
	},
	{
		"presented_certificate_not_configured", "unknown",
		func(w *world) { w.sender.ClientCertificate, w.inPath.Client = nil, nil },
		"", "",
	},
	{
		"presented_certificate_not_configured", "no name required",
		func(w *world) { w.byAddress(); w.presents("edge.example.net") },
		"", "",
	},
	{
		"sender_roots_incomplete", "worldwide",
		func(w *world) { w.inPath.MissingRoot = "DigiCert Global Root G2" },
		"critical", "lack DigiCert Global Root G2",
	},
	{
		"sender_roots_incomplete", "another cloud",
		func(w *world) { w.inPath.MissingRoot, w.tenant.Cloud = "DigiCert Global Root G2", mailflow.China },
		"", "",
	},
}

// shareAddress makes both tenants know their senders by overlapping addresses.
func shareAddress(w *world) {
	w.byAddress()
	w.other.Inbound[0].TLSSenderCertificateName, w.other.Inbound[0].SenderIPAddresses = "", []string{"198.51.100.0/25"}
	w.other.Senders[0].ClientCertificate = nil
	w.other.Senders[0].Addresses = []netip.Prefix{netip.MustParsePrefix("198.51.100.99/32")}
}

// turnOff configures that a check is off.
func turnOff(w *world, code string) {
	w.Severity = func(_, c string) (check.Severity, bool) { return check.Off, c == code }
}

var sharedCases = []testCase{
	{
		"sender_address_shared_between_tenants", "overlapping ranges",
		shareAddress,
		"warning", "198.51.100.10 is shared with fabrikam",
	},
	{"sender_address_shared_between_tenants", "and the sender is misattributed", func(w *world) {
		shareAddress(w)
		w.sender.MailFromDomains = []string{"fabrikam.com"}
	}, "critical", ""},
	{"sender_address_shared_between_tenants", "adjacent ranges", func(w *world) {
		shareAddress(w)
		w.other.Inbound[0].SenderIPAddresses = []string{"198.51.100.128/25"}
		w.other.Senders[0].Addresses = nil
	}, "", ""},
	{
		"sender_address_shared_between_tenants", "the other is disabled",
		func(w *world) { shareAddress(w); w.other.Inbound[0].Enabled = no },
		"", "",
	},
	{
		"certificate_shared_between_tenants", "the same certificate",
		func(w *world) { w.other.Senders[0].ClientCertificate.Fingerprint = "contoso" },
		"warning", "The certificate contoso of the sender edge-1 is shared with fabrikam, connector From on-premises.",
	},
	{
		"certificate_shared_between_tenants", "another tenant's name matches every certificate",
		func(w *world) { w.other.Inbound[0].TLSSenderCertificateName = "*" },
		"", "",
	},
	{
		"certificate_shared_between_tenants", "another tenant's name matches every commercial domain",
		func(w *world) { w.other.Inbound[0].TLSSenderCertificateName = "*.com" },
		"", "",
	},
	{"certificate_shared_between_tenants", "one name matches the other", func(w *world) {
		w.in.TLSSenderCertificateName, w.other.Inbound[0].TLSSenderCertificateName = "*.msp.example", "gateway.msp.example"
	}, "warning", "*.msp.example is shared with fabrikam"},
	{"certificate_shared_between_tenants", "and the sender is misattributed", func(w *world) {
		w.other.Senders[0].ClientCertificate.Fingerprint = "contoso"
		message(func(a *mailflow.Attribution) { a.Tenants = []string{"fabrikam"} })(w)
	}, "critical", ""},
	{
		"certificate_shared_between_tenants", "two certificates of one authority",
		func(w *world) { w.other.Senders[0].ClientCertificate.Fingerprint = "contoso2" },
		"", "",
	},
	{
		"send_connector_shared_between_tenants", "one organization",
		func(w *world) { w.other.Senders[0].Organization = "contoso" },
		"warning", "contoso/Outbound to Office 365",
	},
	{
		"send_connector_shared_between_tenants", "the wizard's default name in two organizations",
		func(*world) {},
		"", "",
	},
	{"send_connector_shared_between_tenants", "the default organization name", func(w *world) {
		w.sender.Organization, w.other.Senders[0].Organization = "First Organization", "First Organization"
	}, "", ""},
}

var printer = netip.MustParseAddr("198.51.100.10")

// message is one simulated message of the sender, relayed by its own tenant unless changed.
func message(change func(a *mailflow.Attribution)) func(w *world) {
	return func(w *world) {
		a := mailflow.Attribution{
			Message: mailflow.InboundMessage{Address: printer, MailFrom: "contoso.com"}, Tenants: []string{"contoso"},
			Connector: "From on-premises", Basis: mailflow.BasisCertificate, Relay: true,
		}
		change(&a)
		w.attributions = []mailflow.Attribution{a}
	}
}

var attributionCases = []testCase{
	{
		"attribution_wrong_tenant", "by certificate",
		message(func(a *mailflow.Attribution) { a.Tenants = []string{"fabrikam"} }),
		"critical",
		"Mail from contoso.com, sent from 198.51.100.10 (without a certificate) is attributed to the tenant fabrikam by " +
			"certificate",
	},
	{
		"attribution_wrong_tenant", "by an undocumented rule",
		message(func(a *mailflow.Attribution) { a.Tenants, a.Uncertain = []string{"fabrikam"}, []string{"so it is"} }),
		"warning uncertain", "",
	},
	{
		"attribution_wrong_tenant", "simulated",
		func(w *world) { shareAddress(w); w.sender.MailFromDomains = []string{"fabrikam.com"} },
		"critical", "",
	},
	{"attribution_wrong_tenant", "to no tenant", message(func(a *mailflow.Attribution) { a.Tenants = nil }), "", ""},
	{"attribution_wrong_tenant", "Partner connector", func(w *world) {
		w.in.Type = mailflow.Partner
		message(func(a *mailflow.Attribution) { a.Tenants = []string{"fabrikam"} })(w)
	}, "", ""},
	{
		"attribution_ambiguous", "two tenants",
		message(func(a *mailflow.Attribution) { a.Tenants = []string{"contoso", "fabrikam"} }),
		"critical", "contoso, fabrikam",
	},
	{
		"attribution_ambiguous", "simulated, one certificate with names of two tenants",
		func(w *world) {
			w.presents("contoso.com fabrikam.com")
			w.in.TLSSenderCertificateName, w.other.Inbound[0].TLSSenderCertificateName = "contoso.com", "fabrikam.com"
		},
		"critical", "matches the tenants contoso, fabrikam equally, by certificate",
	},
	{"attribution_ambiguous", "one tenant", message(func(*mailflow.Attribution) {}), "", ""},
	{
		"attribution_relay_denied", "refused",
		message(func(a *mailflow.Attribution) { a.Tenants, a.Relay, a.Reply = nil, false, "550 5.7.64" }),
		"critical", "predicted reply: 550 5.7.64",
	},
	{
		"attribution_relay_denied", "names that are not recorded may match",
		func(w *world) {
			w.presents("edge.example.net")
			w.sender.ClientCertificate.OmittedNames = 900
			w.FirstSeen = map[check.Key]time.Time{{
				Code: "attribution_relay_denied", Subject: check.Subject(w.inPath.ID),
			}: noon.Add(-day)} // before its cause, so that it is not hidden
		},
		"warning uncertain", "550 5.7.64",
	},
	{
		"attribution_relay_denied", "simulated",
		func(w *world) { w.byAddress(); w.sender.MailFromDomains = []string{"example.net"} },
		"critical", "550 5.7.64",
	},
	{
		"attribution_relay_denied", "sender address unknown",
		func(w *world) { w.byAddress(); w.sender.Addresses = nil },
		"", "",
	},
	{"attribution_relay_denied", "internal senders", func(w *world) {
		w.byAddress()
		w.sender.MailFromDomains, w.sender.Relays = []string{"example.net"}, "internal"
	}, "", ""},
	{
		"attribution_relay_denied", "a certificate relays for other domains",
		func(w *world) { w.sender.MailFromDomains = []string{"example.net"} },
		"", "",
	},
	{
		"null_sender_relay_denied", "by MAIL FROM alone",
		func(w *world) { w.in.TLSSenderCertificateName = "relay.example.net"; w.presents("relay.example.net") },
		"warning", "null sender",
	},
	{"null_sender_relay_denied", "sender known by address", func(w *world) { w.byAddress() }, "", ""},
	{"null_sender_relay_denied", "internal", func(w *world) {
		w.in.TLSSenderCertificateName, w.sender.Relays = "relay.example.net", "internal"
		w.presents("relay.example.net")
	}, "", ""},
	{
		"attribution_fragile", "a certificate outside the accepted domains",
		func(w *world) { w.in.TLSSenderCertificateName = "relay.example.net"; w.presents("relay.example.net") },
		"warning", "only MAIL FROM attributes",
	},
	{"attribution_fragile", "a shared address, which has a finding of its own", shareAddress, "", ""},
	{
		"attribution_fragile", "a shared address, where the check of shared addresses is off",
		func(w *world) { shareAddress(w); turnOff(w, "sender_address_shared_between_tenants") },
		"warning", "198.51.100.10 is also in 198.51.100.0/25",
	},
	{
		"attribution_fragile", "a shared address, and a certificate outside the accepted domains",
		func(w *world) {
			shareAddress(w)
			w.in.TLSSenderCertificateName = "edge.example.net"
			w.presents("edge.example.net")
		},
		"warning", "but no accepted domain of contoso",
	},
	{"attribution_fragile", "own address", func(w *world) { w.byAddress() }, "", ""},
}
