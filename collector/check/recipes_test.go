package check_test

import (
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// recipe is a published way to set up connectors. What it leaves at Microsoft's default is left out.
type recipe struct {
	name     string
	mx       string // of contoso.com
	accepted []string
	outbound []mailflow.OutboundConnector
	inbound  []mailflow.InboundConnector
}

const (
	atExchangeOnline = "contoso-com.mail.protection.outlook.com"
	atGateway        = "contoso.gateway.example"
)

func common(name string, kind mailflow.ConnectorType) mailflow.Common {
	return mailflow.Common{
		Name: name, Type: kind, Source: "AdminUI", Enabled: yes, CloudServicesMailEnabled: no,
	}
}

func hybrid(name string) mailflow.Common {
	c := common(name, mailflow.OnPremises)
	c.Source, c.CloudServicesMailEnabled = "HybridWizard", yes
	return c
}

// lockdown accepts mail for the tenant from a gateway only.
func lockdown(ranges ...string) mailflow.InboundConnector {
	return mailflow.InboundConnector{
		Common: common("From gateway", mailflow.Partner), SenderDomains: []string{"smtp:*;1"}, RequireTLS: yes,
		SenderIPAddresses: ranges, RestrictDomainsToIPAddresses: yes, RestrictDomainsToCertificate: no, EFSkipLastIP: no,
	}
}

func smartHost(kind mailflow.ConnectorType, domain, host string, tls mailflow.TLSSettings) mailflow.OutboundConnector {
	return mailflow.OutboundConnector{
		Common: common("To "+host, kind), RecipientDomains: []string{domain}, UseMXRecord: no, SmartHosts: []string{host},
		TLSSettings: tls, AllAcceptedDomains: no, IsTransportRuleScoped: no, IsValidated: yes,
		RouteAllMessagesViaOnPremises: no, TestMode: no,
	}
}

// recipes follow the vendors' and Microsoft's documents.
func recipes() []recipe {
	mimecast := lockdown("195.130.217.0/24", "91.220.42.0/24")
	mimecast.TLSSenderCertificateName, mimecast.RestrictDomainsToCertificate = "*.mimecast.com", yes
	ruleScoped := smartHost(mailflow.OnPremises, "*", "smtp.signatures.example", mailflow.CertificateValidation)
	ruleScoped.RecipientDomains, ruleScoped.IsTransportRuleScoped = nil, yes
	forced := smartHost(mailflow.Partner, "bank.example", "", mailflow.DomainValidation)
	forced.UseMXRecord, forced.SmartHosts, forced.TLSDomain = yes, nil, "*.bank.example"
	wizard := smartHost(mailflow.OnPremises, "contoso.com", "mail.contoso.com", mailflow.DomainValidation)
	wizard.Common, wizard.TLSDomain = hybrid("Outbound to 1111"), "mail.contoso.com"
	centralized := wizard
	centralized.RecipientDomains, centralized.RouteAllMessagesViaOnPremises = []string{"*"}, yes
	fromWizard := mailflow.InboundConnector{
		Common: hybrid("Inbound from 1111"), RequireTLS: yes, TLSSenderCertificateName: "*.contoso.com",
		SenderDomains: []string{"smtp:*;1"},
	}
	return []recipe{
		{
			name: "Mimecast: gateway in both directions, locked down to its certificate and addresses", mx: atGateway,
			outbound: []mailflow.OutboundConnector{
				smartHost(mailflow.Partner, "*", "eu-smtp-o365-outbound-1.mimecast.com", mailflow.CertificateValidation),
			},
			inbound: []mailflow.InboundConnector{mimecast},
		},
		{
			name: "Proofpoint Essentials: gateway in both directions, locked down to its addresses", mx: atGateway,
			outbound: []mailflow.OutboundConnector{
				smartHost(mailflow.Partner, "*", "outbound-us1.ppe-hosted.com", mailflow.EncryptionOnly),
			},
			inbound: []mailflow.InboundConnector{lockdown("67.231.152.0/24", "67.231.153.0/24")},
		},
		{
			name: "Microsoft: email add-on service, mail flow rule to the service and back with its certificate",
			mx:   atExchangeOnline, accepted: []string{"contoso.signatures.example"},
			outbound: []mailflow.OutboundConnector{ruleScoped},
			inbound: []mailflow.InboundConnector{{
				Common: common("From service", mailflow.OnPremises), SenderDomains: []string{"*"}, RequireTLS: yes,
				RestrictDomainsToCertificate: yes, TLSSenderCertificateName: "contoso.signatures.example",
			}},
		},
		{
			name: "Microsoft: device or application, option 3, relay by address", mx: atExchangeOnline,
			inbound: []mailflow.InboundConnector{{
				Common: common("Printers", mailflow.OnPremises), SenderDomains: []string{"*"},
				SenderIPAddresses: []string{"131.107.1.1"}, RestrictDomainsToIPAddresses: yes,
			}},
		},
		{
			name: "Microsoft: device or application, option 3, relay by certificate", mx: atExchangeOnline,
			inbound: []mailflow.InboundConnector{{
				Common: common("Application", mailflow.OnPremises), SenderDomains: []string{"*"}, RequireTLS: yes,
				TLSSenderCertificateName: "contoso.com",
			}},
		},
		{
			name: "Microsoft: forced TLS with a partner", mx: atExchangeOnline,
			outbound: []mailflow.OutboundConnector{forced},
			inbound: []mailflow.InboundConnector{{
				Common: common("From bank", mailflow.Partner), SenderDomains: []string{"bank.example"}, RequireTLS: yes,
				RestrictDomainsToCertificate: yes, RestrictDomainsToIPAddresses: no, TLSSenderCertificateName: "*.bank.example",
			}},
		},
		{
			name: "Hybrid Configuration Wizard: full hybrid", mx: atExchangeOnline,
			outbound: []mailflow.OutboundConnector{wizard}, inbound: []mailflow.InboundConnector{fromWizard},
		},
		{
			name: "Hybrid Configuration Wizard: centralized transport", mx: atExchangeOnline,
			outbound: []mailflow.OutboundConnector{centralized}, inbound: []mailflow.InboundConnector{fromWizard},
		},
		{
			name: "Hybrid Configuration Wizard and a gateway for the rest", mx: atGateway,
			outbound: []mailflow.OutboundConnector{
				wizard, smartHost(mailflow.Partner, "*", "relay.gateway.example", mailflow.CertificateValidation),
			},
			inbound: []mailflow.InboundConnector{fromWizard, lockdown("131.107.2.0/24")},
		},
	}
}

func (r recipe) run(audit bool) []check.Finding {
	t := mailflow.Tenant{
		Name: "contoso", Cloud: mailflow.Worldwide, Outbound: r.outbound, Inbound: r.inbound,
		AcceptedDomains: []mailflow.AcceptedDomain{
			{Name: "contoso.com", Type: "Authoritative", Default: yes, MatchSubDomains: no},
			{Name: "contoso.onmicrosoft.com", Type: "Authoritative", Initial: yes, MatchSubDomains: no},
		},
	}
	for _, name := range r.accepted {
		t.AcceptedDomains = append(t.AcceptedDomains, mailflow.AcceptedDomain{Name: name, Type: "Authoritative"})
	}
	w := &world{Facts: check.Facts{Now: noon, Tenants: []mailflow.Tenant{mailflow.WithImpliedSenders(t)}}}
	w.inPath = &check.Path{Path: &probes.Path{}}
	if audit {
		w.NoNetwork = true
	} else {
		w.MX = map[string][]string{"contoso.com": {r.mx}, "contoso.onmicrosoft.com": {"contoso.mail.protection.outlook.com"}}
	}
	return w.run()
}

func TestPublishedRecipesRaiseNoWarning(t *testing.T) {
	for _, r := range recipes() {
		for _, audit := range []bool{false, true} {
			for _, f := range r.run(audit) {
				if f.Severity > check.Info {
					t.Errorf("%s (audit: %t): %s %s %+v: %q", r.name, audit, f.Severity, f.Code, f.Subject, f.Evidence)
				}
			}
		}
	}
}
