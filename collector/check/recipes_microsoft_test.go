package check_test

import "m365_connector_exporter/probes/mailflow"

// hybridPairOf returns what the Hybrid Configuration Wizard creates.
func hybridPairOf(guid, domain, host, certificate string) (mailflow.OutboundConnector, mailflow.InboundConnector) {
	in := byCertificate("Inbound from "+guid, certificate)
	in.Source, in.CloudServicesMailEnabled = "HybridWizard", yes
	out := outbound("Outbound to "+guid, mailflow.OnPremises, mailflow.DomainValidation)
	out.Source, out.CloudServicesMailEnabled, out.RecipientDomains = "HybridWizard", yes, []string{domain}
	out.UseMXRecord, out.SmartHosts, out.TLSDomain = no, []string{host}, host
	return out, in
}

const wizardLog = "Hybrid Configuration Wizard, its log in public reports (New-InboundConnector, " +
	"New-OutboundConnector); " +
	"Exchange team blog 4420592"

// hybridRecipes are tenants made by the Hybrid Configuration Wizard.
func hybridRecipes() []recipe {
	const guid, other = "a3e87a2d-b84e-43cb-bf18-59aac4c4f1e5", "3f8e7a2d-1b45-4c89-a0d7-6f5b2e1c9a8d"
	out, in := hybridPairOf(guid, "contoso.com", "mail.contoso.com", "*.contoso.com")
	_, byHost := hybridPairOf(guid, "contoso.com", "mail.contoso.com", "mail.contoso.com")
	central, fromCentral := hybridPairOf(guid, "*", "mail.contoso.com", "contoso.com")
	central.RouteAllMessagesViaOnPremises, central.TLSDomain = yes, "contoso.com"
	secondOut, secondIn := hybridPairOf(other, "fabrikam.com", "mail.fabrikam.com", "*.fabrikam.com")
	againOut, againIn := hybridPairOf(other, "contoso.com", "mail.contoso.com", "*.contoso.com")
	bank := outbound("To bank", mailflow.Partner, mailflow.CertificateValidation)
	bank.RecipientDomains = []string{"bank.example", "*.bank.example"}
	outs := func(c ...mailflow.OutboundConnector) []mailflow.OutboundConnector { return c }
	ins := func(c ...mailflow.InboundConnector) []mailflow.InboundConnector { return c }
	hybridDomains := []string{"contoso.mail.onmicrosoft.com"}
	return []recipe{
		{
			name: "full hybrid, MX at Exchange Online", source: wizardLog, mx: atExchangeOnline, accepted: hybridDomains,
			outbound: outs(out), inbound: ins(in),
		},
		{
			name: "full hybrid, MX at the servers on premises", source: wizardLog, mx: atServers, accepted: hybridDomains,
			outbound: outs(out), inbound: ins(in),
		},
		{
			name: "full hybrid, certificate with the host's name", source: wizardLog, mx: atExchangeOnline,
			accepted: hybridDomains, outbound: outs(out), inbound: ins(byHost),
		},
		{
			name: "full hybrid, the servers present a wildcard certificate", source: wizardLog, mx: atExchangeOnline,
			accepted: hybridDomains, outbound: outs(out), inbound: ins(in),
			from: "131.107.1.1", presents: "*.contoso.com contoso.com",
		},
		{
			name: "full hybrid, the servers present a certificate for their names", source: wizardLog, mx: atExchangeOnline,
			accepted: hybridDomains, outbound: outs(out), inbound: ins(byHost),
			from: "131.107.1.1", presents: "mail.contoso.com autodiscover.contoso.com",
		},
		{
			name: "full hybrid, the domain still InternalRelay", source: wizardLog + "; manage-accepted-domains",
			mx: atExchangeOnline, accepted: hybridDomains, relay: true, outbound: outs(out), inbound: ins(in),
		},
		{
			name: "centralized mail transport beside a partner", source: wizardLog + "; " +
				"set-up-connectors-for-secure-mail-flow-with-a-partner",
			mx: atServers, accepted: hybridDomains, inbound: ins(fromCentral), outbound: outs(central, bank),
		},
		{
			name: "minimal hybrid: no connector", source: "hybrid-deployment, minimal hybrid configuration: no secure mail " +
				"transport; from general knowledge",
			mx: atServers, accepted: hybridDomains,
		},
		{
			name: "centralized mail transport", source: wizardLog, mx: atServers, accepted: hybridDomains,
			outbound: outs(central), inbound: ins(fromCentral),
		},
		{
			name: "centralized mail transport, MX at Exchange Online", source: wizardLog, mx: atExchangeOnline,
			accepted: hybridDomains, outbound: outs(central), inbound: ins(fromCentral),
		},
		{
			name: "run twice, the first pair turned off", source: wizardLog, mx: atExchangeOnline, accepted: hybridDomains,
			outbound: outs(disabledOutbound(out), againOut), inbound: ins(disabledInbound(in), againIn),
		},
		{
			name: "run in two Exchange organizations, each with its domain", source: wizardLog, mx: atExchangeOnline,
			accepted: append(hybridDomains, "fabrikam.com"), outbound: outs(out, secondOut), inbound: ins(in, secondIn),
		},
		{
			name: "run twice, both pairs on", source: wizardLog, mx: atExchangeOnline, accepted: hybridDomains,
			outbound: outs(out, againOut), inbound: ins(in, againIn),
			mistakes: []string{"connectors_overlap"},
			why:      "both pairs are for the same domain and the same certificate; only one of each can be used",
		},
		{
			name: "full hybrid and a gateway for the rest", source: wizardLog + "; nicolasuter.ch, mdo-enhanced-filtering",
			mx: atGateway, accepted: hybridDomains,
			outbound: outs(out, smartHost("relay.gateway.example", mailflow.CertificateValidation)),
			inbound:  ins(in, lockdown("Gateway", "131.107.2.0/24")),
		},
		{
			name: "full hybrid, printers and a signature service", source: wizardLog +
				"; how-to-set-up-a-multifunction-device; " +
				"integrate-office-365-with-an-email-add-on-service",
			mx: atExchangeOnline, accepted: append(hybridDomains, "1234.smtp.excl.cloud"),
			outbound: outs(out, byRule("smtp.eu1.exclaimer.net", mailflow.OnPremises, mailflow.DomainValidation)),
			inbound:  ins(in, byAddress("Printers", "131.107.1.1"), byCertificate("Signatures", "1234.smtp.excl.cloud")),
		},
	}
}

// deviceRecipes are Microsoft's three options for printers and applications, and phishing simulators.
func deviceRecipes() []recipe {
	const source = "how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365"
	restricted := byAddress("MFP - Scan to email", "131.107.1.1")
	restricted.RestrictDomainsToIPAddresses = yes
	simulator := byAddress("Phishing simulation", "147.160.167.5")
	simulator.RequireTLS, simulator.RestrictDomainsToIPAddresses, simulator.TreatMessagesAsInternal = yes, yes, yes
	ins := func(c ...mailflow.InboundConnector) []mailflow.InboundConnector { return c }
	return []recipe{
		{name: "option 1, SMTP AUTH client submission: no connector", source: source, mx: atExchangeOnline},
		{name: "option 2, direct send: no connector", source: source, mx: atExchangeOnline},
		{
			name: "option 3, SMTP relay by address", source: source, mx: atExchangeOnline,
			inbound: ins(byAddress("Printers", "131.107.1.1", "131.107.1.2")),
		},
		{
			name: "option 3, SMTP relay by certificate", source: source, mx: atExchangeOnline,
			inbound: ins(byCertificate("Application", "contoso.com")),
		},
		{
			name: "option 3, a printer that is configured as a sender", source: source, mx: atExchangeOnline,
			inbound: ins(byAddress("Printers", "131.107.1.1")), from: "131.107.1.1",
		},
		{
			name: "option 3, an application that presents its certificate", source: source, mx: atExchangeOnline,
			inbound: ins(byCertificate("Application", "contoso.com")),
			from:    "131.107.1.1", presents: "contoso.com www.contoso.com",
		},
		{
			name: "option 3, an application that presents another certificate", source: source, mx: atExchangeOnline,
			inbound: ins(byCertificate("Application", "contoso.com")),
			from:    "131.107.1.1", presents: "contoso.net",
			mistakes: []string{"presented_certificate_not_configured"},
			why:      "the page: the certificate's name is the one that the connector has",
		},
		{
			name: "option 3, with a restriction that counts for partners", source: "public Microsoft365DSC export of a tenant",
			mx: atExchangeOnline, inbound: ins(restricted),
		},
		{
			name:   "option 3, with the printer's own address",
			source: "from general knowledge; the page asks for the public address",
			mx:     atExchangeOnline, inbound: ins(byAddress("Printers", "192.168.1.20")),
			mistakes: []string{"sender_address_private"}, why: "Exchange Online never sees a private address",
		},
		{
			name: "relay without certificate and address",
			source: "public migration guide: \"On-Premises Relay\", OnPremises, " +
				"-SenderDomains * and nothing else",
			mx: atExchangeOnline, inbound: ins(inbound("On-Premises Relay", mailflow.OnPremises)),
			mistakes: []string{"no_authentication"}, why: "the connector matches no message",
		},
		{
			name: "KnowBe4", source: "support.knowbe4.com 218134997, step 4, connector to prevent deferments",
			mx: atExchangeOnline, inbound: ins(identified("KnowBe4", no, "147.160.167.0/26", "23.21.109.197")),
		},
		{
			name: "BSN phishing simulation", source: "public script: \"BSN Connector\", -RequireTls $true -SenderDomains *",
			mx: atExchangeOnline, inbound: ins(identified("BSN Connector", yes, "52.49.201.246", "52.49.235.189")),
		},
		{
			name: "phishing simulation as internal mail", source: "public script: \"vendorconnector\", OnPremises, " +
				"-TreatMessagesAsInternal:$true",
			mx: atExchangeOnline, inbound: ins(simulator), mistakes: []string{"treat_as_internal"},
			why: "mail of accepted domains from a foreign service's addresses bypasses spam filtering",
		},
	}
}

// partnerRecipes force TLS with a partner.
func partnerRecipes() []recipe {
	const source = "set-up-connectors-for-secure-mail-flow-with-a-partner"
	to := outbound("To bank", mailflow.Partner, mailflow.DomainValidation)
	to.RecipientDomains, to.TLSDomain = []string{"bank.example", "*.bank.example"}, "*.bank.example"
	trusted := outbound("TLS partners", mailflow.Partner, mailflow.CertificateValidation)
	trusted.RecipientDomains = []string{"bank.example", "insurance.example", "law.example"}
	from := inbound("From bank", mailflow.Partner)
	from.SenderDomains, from.RequireTLS = []string{"bank.example"}, yes
	certified, addressed, example := from, from, from
	certified.RestrictDomainsToCertificate, certified.TLSSenderCertificateName = yes, "*.bank.example"
	addressed.RestrictDomainsToIPAddresses, addressed.SenderIPAddresses = yes, []string{"203.0.113.10"}
	example.SenderDomains, example.SenderIPAddresses = []string{"*.contosobank.com"}, []string{"192.168.0.1/25"}
	example.RestrictDomainsToIPAddresses, example.TLSSenderCertificateName = yes, "*.contosobank.com"
	outs := func(c ...mailflow.OutboundConnector) []mailflow.OutboundConnector { return c }
	ins := func(c ...mailflow.InboundConnector) []mailflow.InboundConnector { return c }
	return []recipe{
		{name: "TLS required of a domain", source: source, mx: atExchangeOnline, outbound: outs(to), inbound: ins(from)},
		{
			name: "TLS with the partner's certificate", source: source, mx: atExchangeOnline,
			outbound: outs(to), inbound: ins(certified),
		},
		{
			name: "TLS from the partner's addresses", source: source + "; public lab notes: \"From Fabrikam\"",
			mx: atExchangeOnline, outbound: outs(to), inbound: ins(addressed),
		},
		{
			name:   "several partners on one connector",
			source: "public script: -TlsSettings CertificateValidation, a list of domains",
			mx:     atExchangeOnline, outbound: outs(trusted),
		},
		{
			name: "forced TLS beside a gateway for the rest", source: source + "; set-up-connectors-to-route-mail",
			mx: atGateway, outbound: outs(to, smartHost("relay.gateway.example", mailflow.CertificateValidation)),
			inbound: ins(certified, lockdown("Gateway", "131.107.2.0/24")),
		},
		{
			name: "Contoso Inbound Secure Connector", source: "New-InboundConnector, example 2",
			mx: atExchangeOnline, inbound: ins(example), mistakes: []string{"sender_address_private"},
			why: "the example's addresses are private; taken over as they stand, all mail of the partner is refused",
		},
	}
}
