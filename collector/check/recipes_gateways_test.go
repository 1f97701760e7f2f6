package check_test

import "m365_connector_exporter/probes/mailflow"

// gatewayRecipes put a gateway in front of a tenant: the MX leads to it, and the tenant accepts mail from it alone.
func gatewayRecipes() []recipe {
	mimecast := lockdown("Mimecast to Microsoft 365", "195.130.217.0/24", "91.220.42.0/24")
	mimecast.TLSSenderCertificateName, mimecast.RestrictDomainsToCertificate = "*.mimecast.com", yes
	mimecast.EFSkipLastIP = yes
	certified := inbound("By certificate", mailflow.Partner)
	certified.RequireTLS, certified.RestrictDomainsToCertificate = yes, yes
	certified.TLSSenderCertificateName = "*.mimecast.com"
	mailRoute := inbound("MailRoute Inbound", mailflow.Partner)
	mailRoute.RequireTLS, mailRoute.RestrictDomainsToCertificate = yes, yes
	mailRoute.TLSSenderCertificateName, mailRoute.EFSkipIPs = "*.mailroute.net", []string{"199.89.0.0/21"}
	toMailRoute := smartHost("outbound.mailroute.net", mailflow.DomainValidation)
	toMailRoute.TLSDomain = "mailroute.net"
	return []recipe{
		{
			name: "Mimecast", source: "Mimecast, Connect Process: Microsoft 365 Mail Lockdown (34000358773523); " +
				"Creating an Outbound Email Flow Connector (DOC-2011)",
			mx: "eu-smtp-inbound-1.mimecast.com", inbound: []mailflow.InboundConnector{mimecast},
			outbound: []mailflow.OutboundConnector{
				smartHost("eu-smtp-o365-outbound-1.mimecast.com", mailflow.CertificateValidation),
			},
		},
		{
			name: "addresses and certificate on two connectors", source: "use-connectors-to-configure-mail-flow, note on " +
				"Partner connectors with a restriction",
			mx: atGateway, inbound: []mailflow.InboundConnector{lockdown("By address", "131.107.2.0/24"), certified},
		},
		{
			name: "two regions of a gateway", source: "from general knowledge", mx: atGateway,
			inbound: []mailflow.InboundConnector{
				lockdown("Europe", "195.130.217.0/24"), lockdown("America", "205.139.110.0/24"),
			},
		},
		{
			name: "Proofpoint Essentials", source: "public script with the vendor's settings: \"Proofpoint Essentials - " +
				"Inbound Connector\", \"Proofpoint Essentials - Outbound Connector\"",
			mx:      "mx1-us1.ppe-hosted.com",
			inbound: []mailflow.InboundConnector{lockdown("Proofpoint", "67.231.152.0/24", "67.231.153.0/24")},
			outbound: []mailflow.OutboundConnector{
				smartHost("outbound-us1.ppe-hosted.com", mailflow.EncryptionOnly),
			},
		},
		{
			name: "Proofpoint Essentials, prepared and not yet turned on", source: "public script: \"Office365 Outbound to " +
				"Proofpoint\", both connectors with -Enabled $false",
			mx:      atExchangeOnline,
			inbound: []mailflow.InboundConnector{disabledInbound(lockdown("Proofpoint", "67.231.152.0/24"))},
			outbound: []mailflow.OutboundConnector{
				disabledOutbound(smartHost("outbound-us1.ppe-hosted.com", mailflow.CertificateValidation)),
			},
		},
		{
			name: "Barracuda Email Gateway Defense", source: "IRONSCALES, Barracuda (EGD) to Microsoft 365, for the " +
				"restriction; Barracuda Campus 96023004 for the range; smart host from general knowledge",
			mx:      "d1.a.ess.barracudanetworks.com",
			inbound: []mailflow.InboundConnector{lockdown("Barracuda", "209.222.80.0/24", "209.222.81.0/24")},
			outbound: []mailflow.OutboundConnector{
				smartHost("d1.o.ess.barracudanetworks.com", mailflow.EncryptionOnly),
			},
		},
		{
			name:   "Barracuda Email Gateway Defense, left on after the MX was moved to Exchange Online",
			source: "IRONSCALES, Barracuda (EGD) to Microsoft 365, \"Disable Tenant Lockdown\"",
			mx:     atExchangeOnline, inbound: []mailflow.InboundConnector{lockdown("Barracuda", "209.222.80.0/24")},
			mistakes: []string{"partner_lockout"},
			why:      "mail that comes to the MX is refused with 5.7.51; the guide turns the restriction off first",
		},
		{
			name: "Hornetsecurity", source: "help.cumulussmtp.com, article 25 (Hornetsecurity/Zerospam to O365 inbound); " +
				"365 Total Protection manual, Basic Settings, for the smart host; its name from general knowledge",
			mx:      "mx01.hornetsecurity.com",
			inbound: []mailflow.InboundConnector{lockdown("Hornetsecurity", "83.246.65.0/24", "94.100.128.0/24")},
			outbound: []mailflow.OutboundConnector{
				smartHost("relay-cluster-eu01.hornetsecurity.com", mailflow.EncryptionOnly),
			},
		},
		{
			name: "Cisco Secure Email", source: "Cisco 214812, Configure Microsoft 365 with Secure Email",
			mx:      "mx1.hc1234-56.iphmx.com",
			inbound: []mailflow.InboundConnector{identified("Inbound from Cisco CES", yes, "139.138.40.105")},
			outbound: []mailflow.OutboundConnector{
				byRule("ob1.hc1234-56.iphmx.com", mailflow.Partner, mailflow.EncryptionOnly),
			},
		},
		{
			name: "Trend Micro Email Security", source: "from general knowledge; no published document found",
			mx:      "contoso.in.tmes.trendmicro.com",
			inbound: []mailflow.InboundConnector{lockdown("Trend Micro", "18.208.22.0/26", "18.208.22.64/26")},
			outbound: []mailflow.OutboundConnector{
				smartHost("contoso.relay.tmes.trendmicro.com", mailflow.EncryptionOnly),
			},
		},
		{
			name: "Sophos Gateway", source: "from general knowledge; no published document found",
			mx:      "mx-01-eu-central-1.prod.hydra.sophos.com",
			inbound: []mailflow.InboundConnector{lockdown("Sophos", "94.140.18.0/24")},
			outbound: []mailflow.OutboundConnector{
				smartHost("relay-eu-central-1.prod.hydra.sophos.com", mailflow.EncryptionOnly),
			},
		},
		{
			name: "MailRoute", source: "public notes: \"MailRoute Inbound\", \"MailRoute Outbound\" (GCC High)",
			mx: "mail.mailroute.net", inbound: []mailflow.InboundConnector{mailRoute},
			outbound: []mailflow.OutboundConnector{toMailRoute},
		},
		{
			name:    "SEPPmail.cloud, MX at SEPPmail",
			source:  "seppmail/SEPPmail365cloud, ExOConfig/Connectors, routing seppmail",
			mx:      "contoso-com.mail.eu.seppmail.cloud",
			inbound: []mailflow.InboundConnector{identified("[SEPPmail.cloud] inline", yes)},
			outbound: []mailflow.OutboundConnector{
				withTLSDomain(smartHost("contoso-com.relay.seppmail.cloud", mailflow.DomainValidation), "*.seppmail.cloud"),
			},
		},
		{
			name: "Mailprotector", source: "support.mailprotector.com 115005484203, Inbound Connector; prepared turned off",
			mx:      atExchangeOnline,
			inbound: []mailflow.InboundConnector{disabledInbound(lockdown("Inbound from Mailprotector Only", "52.0.70.91"))},
		},
	}
}

// identified is a Partner connector of all senders. Addresses identify the partner; nothing is restricted to them.
func identified(name string, requireTLS mailflow.Tri, addresses ...string) mailflow.InboundConnector {
	c := inbound(name, mailflow.Partner)
	c.RequireTLS, c.SenderIPAddresses = requireTLS, addresses
	return c
}

func disabledInbound(c mailflow.InboundConnector) mailflow.InboundConnector {
	c.Enabled = no
	return c
}

func disabledOutbound(c mailflow.OutboundConnector) mailflow.OutboundConnector {
	c.Enabled = no
	return c
}

func withTLSDomain(c mailflow.OutboundConnector, domain string) mailflow.OutboundConnector {
	c.TLSDomain = domain
	return c
}
