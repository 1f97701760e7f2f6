package check_test

import "m365_connector_exporter/probes/mailflow"

// serviceRecipes send mail through a service and back: signatures, encryption, inspection inline, journals. The MX
// stays at Exchange Online.
func serviceRecipes() []recipe {
	exclaimer := byCertificate("Receive from Exclaimer Cloud V2", "1234.smtp.excl.cloud")
	exclaimer.CloudServicesMailEnabled = yes
	toExclaimer := byRule("smtp.eu1.exclaimer.net", mailflow.OnPremises, mailflow.DomainValidation)
	toExclaimer.CloudServicesMailEnabled = yes
	seppmail := byCertificate("[SEPPmail] Appliance -> ExchangeOnline", "contoso.com")
	seppmail.CloudServicesMailEnabled, seppmail.RestrictDomainsToCertificate = yes, yes
	toSEPPmail := byRule("securemail.contoso.com", mailflow.OnPremises, mailflow.DomainValidation)
	toSEPPmail.CloudServicesMailEnabled = yes
	skipping := seppmail
	skipping.EFSkipIPs = []string{"40.92.0.0/15", "40.107.0.0/16", "52.100.0.0/14", "104.47.0.0/17"}
	service := byCertificate("Contoso Signature Service to Office 365", "contoso.signatures.example")
	service.CloudServicesMailEnabled, service.RestrictDomainsToCertificate = yes, yes
	toService := byRule("smtp.signatures.example", mailflow.OnPremises, mailflow.CertificateValidation)
	toService.CloudServicesMailEnabled = yes
	doqex := byAddress("DOQEX to Office 365", "20.50.60.70")
	doqex.RequireTLS, doqex.RestrictDomainsToIPAddresses = yes, yes
	journal := outbound("Cloud Archiving Service", mailflow.Partner, mailflow.EncryptionOnly)
	journal.RecipientDomains = []string{"mas.barracudanetworks.com"}
	toCisco := outbound("Outbound to Cisco Secure Email Threat Defense", mailflow.Partner, mailflow.CertificateValidation)
	toCisco.RecipientDomains = []string{"mail.eu.cmd.cisco.com"}
	signer := byCertificate("Signer receive", "signer.service.example")
	return []recipe{
		{
			name: "email add-on service", source: "OfficeDocs-Exchange, integrate-office-365-with-an-email-add-on-service",
			mx: atExchangeOnline, accepted: []string{"contoso.signatures.example"},
			outbound: []mailflow.OutboundConnector{toService}, inbound: []mailflow.InboundConnector{service},
		},
		{
			name: "Exclaimer Cloud", source: "Exclaimer's script for rules and connectors (helpdesk@exclaimer.com, 2.0)",
			mx: atExchangeOnline, accepted: []string{"1234.smtp.excl.cloud"},
			outbound: []mailflow.OutboundConnector{toExclaimer}, inbound: []mailflow.InboundConnector{exclaimer},
		},
		{
			name: "Exclaimer Cloud, its certificate known", source: "Exclaimer's script for rules and connectors (2.0)",
			mx: atExchangeOnline, accepted: []string{"1234.smtp.excl.cloud"},
			outbound: []mailflow.OutboundConnector{toExclaimer}, inbound: []mailflow.InboundConnector{exclaimer},
			from: "52.169.0.179", presents: "1234.smtp.excl.cloud",
		},
		{
			name: "CodeTwo Email Signatures 365", source: "codetwo.com/userguide, connectors-configuration, for the mail " +
				"flow rule and the two connectors; their names and TLS settings from general knowledge",
			mx: atExchangeOnline, accepted: []string{"1234.smtp.codetwo.online"},
			outbound: []mailflow.OutboundConnector{
				byRule("1234.smtp.codetwo.online", mailflow.OnPremises, mailflow.CertificateValidation),
			},
			inbound: []mailflow.InboundConnector{byCertificate("CodeTwo inbound", "1234.smtp.codetwo.online")},
		},
		{
			name: "SEPPmail appliance", source: "seppmail/SEPPmail365, ExOConfig/Connectors, without EFSkipIPs",
			mx:       atExchangeOnline,
			outbound: []mailflow.OutboundConnector{toSEPPmail}, inbound: []mailflow.InboundConnector{seppmail},
		},
		{
			name:     "SEPPmail appliance, Enhanced Filtering skips Exchange Online",
			source:   "seppmail/SEPPmail365, ExOConfig/Connectors/Inbound.json, Dec20 and Oct21",
			mx:       atExchangeOnline,
			outbound: []mailflow.OutboundConnector{toSEPPmail}, inbound: []mailflow.InboundConnector{skipping},
			mistakes: []string{"enhanced_filtering_incomplete"},
			why:      "enhanced-filtering-for-connectors: Microsoft's own addresses are not supported in EFSkipIPs",
		},
		{
			name:    "SEPPmail.cloud, MX at Exchange Online",
			source:  "seppmail/SEPPmail365cloud, ExOConfig/Connectors, routing m365",
			mx:      atExchangeOnline,
			inbound: []mailflow.InboundConnector{identified("[SEPPmail.cloud] parallel", no)},
			outbound: []mailflow.OutboundConnector{withTLSDomain(
				byRule("contoso-com.mail.seppmail.cloud", mailflow.OnPremises, mailflow.DomainValidation), "*.seppmail.cloud",
			)},
		},
		{
			name: "DOQEX", source: "public script of moreteq: \"DOQEX to Office 365\", \"Office 365 to DOQEX2\"",
			mx:       atExchangeOnline,
			outbound: []mailflow.OutboundConnector{byRule("contoso.doqex.example", mailflow.Partner, mailflow.EncryptionOnly)},
			inbound:  []mailflow.InboundConnector{doqex},
		},
		{
			name:   "Signer, certificate of the service itself",
			source: "public page of the service: \"Signer receive\" with -TlsSenderCertificateName $smartHost",
			mx:     atExchangeOnline,
			outbound: []mailflow.OutboundConnector{
				byRule("signer.service.example", mailflow.OnPremises, mailflow.DomainValidation),
			},
			inbound:  []mailflow.InboundConnector{signer},
			mistakes: []string{"certificate_domain_not_accepted"},
			why:      "MC1226222: the certificate's domain must be an accepted domain; Microsoft's own recipe registers it",
		},
		{
			name:   "Check Point Harmony Email and Avanan",
			source: "sc1.checkpoint.com, Avanan_Admin_Guide, O365-Footprint-Connectors; addresses as examples",
			mx:     atExchangeOnline,
			outbound: []mailflow.OutboundConnector{
				byRule("contoso-host.avanan.net", mailflow.Partner, mailflow.EncryptionOnly),
				byRule("contoso-dlp.avanan.net", mailflow.OnPremises, mailflow.EncryptionOnly),
			},
			inbound: []mailflow.InboundConnector{
				identified("Avanan Inbound Connector", yes, "35.174.145.124"),
				byAddress("Avanan DLP Inbound Connector", "3.214.204.181"),
			},
		},
		{
			name:   "Trend Micro Cloud App Security",
			source: "docs.trendmicro.com, Connectors and Transport Rule on Exchange Online",
			mx:     atExchangeOnline,
			outbound: []mailflow.OutboundConnector{
				byRule("f993.outrelay-eu.tmcas.trendmicro.com", mailflow.Partner, mailflow.CertificateValidation),
			},
			inbound: []mailflow.InboundConnector{byAddress("TMCAS Inbound Connector", "20.79.55.1")},
		},
		{
			name: "Sophos Mailflow", source: "docs.sophos.com, Rules and connectors created in M365, for the accepted domain; " +
				"the connectors' properties from general knowledge",
			mx: atExchangeOnline, accepted: []string{"1234.xgeconnector.com"},
			outbound: []mailflow.OutboundConnector{
				byRule("mfr-eu-central-1.prod.hydra.sophos.com", mailflow.OnPremises, mailflow.CertificateValidation),
			},
			inbound: []mailflow.InboundConnector{byCertificate("Sophos Mailflow", "1234.xgeconnector.com")},
		},
		{
			name: "Barracuda Cloud Archiving Service, journal", source: "Barracuda's script Set-BCASJournaling",
			mx: atExchangeOnline, outbound: []mailflow.OutboundConnector{journal},
		},
		{
			name:   "Cisco Secure Email Threat Defense, journal, beside a gateway",
			source: "Cisco, Secure Email Threat Defense, Microsoft O365 Message Source",
			mx:     atGateway, inbound: []mailflow.InboundConnector{lockdown("Gateway", "131.107.2.0/24")},
			outbound: []mailflow.OutboundConnector{
				toCisco, smartHost("relay.gateway.example", mailflow.CertificateValidation),
			},
		},
	}
}
