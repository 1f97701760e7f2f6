package check_test

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// recipe is a published way to set up connectors. Addresses, GUIDs and the customer's names are replaced.
type recipe struct {
	name     string
	source   string   // the document that it follows
	domain   string   // the accepted domains are DOMAIN.com and DOMAIN.onmicrosoft.com; "" is contoso
	mx       string   // of contoso.com
	accepted []string // the other accepted domains
	relay    bool     // DOMAIN.com is InternalRelay
	outbound []mailflow.OutboundConnector
	inbound  []mailflow.InboundConnector

	presents string // the names in the certificate that the sender of the first inbound connector presents
	from     string // that sender's address; "" for a sender that is implied

	mistakes []string // the checks, above info, that find what is wrong with the recipe itself
	why      string   // what is wrong
}

func recipes() []recipe {
	return slices.Concat(gatewayRecipes(), serviceRecipes(), hybridRecipes(), deviceRecipes(), partnerRecipes())
}

const (
	atExchangeOnline = "contoso-com.mail.protection.outlook.com"
	atGateway        = "contoso.gateway.example"
	atServers        = "mail.contoso.com"
)

// The functions below make connectors with Microsoft's defaults, as an export of a new connector shows them.

func common(name string, kind mailflow.ConnectorType) mailflow.Common {
	return mailflow.Common{Name: name, Type: kind, Source: "Default", Enabled: yes, CloudServicesMailEnabled: no}
}

func inbound(name string, kind mailflow.ConnectorType) mailflow.InboundConnector {
	return mailflow.InboundConnector{
		Common: common(name, kind), SenderDomains: []string{"smtp:*;1"}, RequireTLS: no, TreatMessagesAsInternal: no,
		RestrictDomainsToIPAddresses: no, RestrictDomainsToCertificate: no, EFSkipLastIP: no,
	}
}

// lockdown accepts mail for the tenant from a gateway only.
func lockdown(name string, ranges ...string) mailflow.InboundConnector {
	c := inbound(name, mailflow.Partner)
	c.RequireTLS, c.RestrictDomainsToIPAddresses, c.SenderIPAddresses = yes, yes, ranges
	return c
}

// byCertificate authenticates senders by certificate.
func byCertificate(name, certificate string) mailflow.InboundConnector {
	c := inbound(name, mailflow.OnPremises)
	c.RequireTLS, c.TLSSenderCertificateName = yes, certificate
	return c
}

// byAddress authenticates senders by address.
func byAddress(name string, addresses ...string) mailflow.InboundConnector {
	c := inbound(name, mailflow.OnPremises)
	c.SenderIPAddresses = addresses
	return c
}

func outbound(name string, kind mailflow.ConnectorType, tls mailflow.TLSSettings) mailflow.OutboundConnector {
	return mailflow.OutboundConnector{
		Common: common(name, kind), UseMXRecord: yes, TLSSettings: tls, AllAcceptedDomains: no,
		IsTransportRuleScoped: no, RouteAllMessagesViaOnPremises: no, SenderRewritingEnabled: no, TestMode: no,
		IsValidated: yes,
	}
}

// smartHost gets all mail to the internet.
func smartHost(host string, tls mailflow.TLSSettings) mailflow.OutboundConnector {
	c := outbound("To "+host, mailflow.Partner, tls)
	c.UseMXRecord, c.SmartHosts, c.RecipientDomains = no, []string{host}, []string{"*"}
	return c
}

// byRule gets the mail that a mail flow rule sends to it.
func byRule(host string, kind mailflow.ConnectorType, tls mailflow.TLSSettings) mailflow.OutboundConnector {
	c := smartHost(host, tls)
	c.Type, c.RecipientDomains, c.IsTransportRuleScoped = kind, nil, yes
	if tls == mailflow.DomainValidation {
		c.TLSDomain = host
	}
	return c
}

func (r recipe) tenant() mailflow.Tenant {
	name := cmp.Or(r.domain, "contoso")
	t := mailflow.Tenant{
		Name: name, Cloud: mailflow.Worldwide, Outbound: slices.Clone(r.outbound), Inbound: slices.Clone(r.inbound),
		AcceptedDomains: []mailflow.AcceptedDomain{
			{Name: name + ".com", Type: "Authoritative", Default: yes, MatchSubDomains: no},
			{Name: name + ".onmicrosoft.com", Type: "Authoritative", Initial: yes, MatchSubDomains: no},
		},
	}
	for _, d := range r.accepted {
		t.AcceptedDomains = append(t.AcceptedDomains, mailflow.AcceptedDomain{Name: d, Type: "Authoritative"})
	}
	if r.relay {
		t.AcceptedDomains[0].Type = "InternalRelay"
	}
	if r.from != "" {
		t.Senders = []mailflow.Sender{r.sender(name + ".com")}
	}
	return mailflow.WithImpliedSenders(t)
}

func (r recipe) sender(domain string) mailflow.Sender {
	s := mailflow.Sender{
		Name: "sender", Connector: r.inbound[0].Name, Relays: "external", MailFromDomains: []string{domain},
		Addresses: []netip.Prefix{netip.MustParsePrefix(r.from + "/32")},
	}
	if r.presents != "" {
		s.ClientCertificate = presented(r.presents, "current")
	}
	return s
}

// run returns the codes above info. Without network (audit) the MX is unknown.
func (r recipe) run(network bool) map[string]string {
	w := &world{Facts: check.Facts{Now: noon, Tenants: []mailflow.Tenant{r.tenant()}, NoNetwork: !network}}
	w.inPath = &check.Path{Path: &probes.Path{}}
	if network {
		w.MX = map[string][]string{
			"contoso.com": {r.mx}, "contoso.onmicrosoft.com": {"contoso.mail.protection.outlook.com"},
			"contoso.mail.onmicrosoft.com": {"contoso-mail-onmicrosoft-com.mail.protection.outlook.com"},
		}
	}
	found := map[string]string{}
	for _, f := range w.run() {
		if f.Severity > check.Info {
			found[f.Code] = f.Severity.String() + ", " + f.Connector + f.Path + ": " + f.Evidence[0]
		}
	}
	return found
}

func TestPublishedRecipesRaiseNoWarning(t *testing.T) {
	for _, r := range recipes() {
		if r.source == "" || (len(r.mistakes) > 0) != (r.why != "") {
			t.Errorf("%s: a recipe names its source, and a mistake says why it is one", r.name)
		}
		for _, network := range []bool{false, true} {
			found := r.run(network)
			for code, what := range found {
				if !slices.Contains(r.mistakes, code) {
					t.Errorf("%s (network: %t): %s: %s", r.name, network, code, what)
				}
			}
			for _, code := range r.mistakes {
				if network && found[code] == "" {
					t.Errorf("%s: %s is not found: %s", r.name, code, r.why)
				}
			}
		}
	}
}

// reports are what Exchange Online reports about a tenant in which the recipe works: a rule for each connector that
// needs one, the connector that the documented order gives for each domain, and Direct Send rejected.
func (r recipe) reports(t *mailflow.Tenant) mailflow.Organization {
	o := mailflow.Organization{
		Read:             append(slices.Clone(mailflow.OptionalCmdlets), mailflow.GetOutboundConnector),
		RejectDirectSend: yes,
		Servers:          []mailflow.OnPremServer{{Name: "ex1." + t.AcceptedDomains[0].Name, Build: "15.2.2562.17"}},
	}
	for _, c := range t.Outbound {
		if c.IsTransportRuleScoped == yes {
			o.Rules = append(o.Rules, mailflow.TransportRule{
				Name: "To " + c.Name, State: "Enabled", Mode: "Enforce", Connector: c.Name,
			})
		}
	}
	routes := mailflow.NewRoutes(t)
	for _, d := range t.AcceptedDomains {
		if route := routes.Predict(d.Name); len(route.Connectors) > 0 {
			o.Routes = append(o.Routes, mailflow.ConnectorRoute{Domain: d.Name, Connector: route.Connectors[0]})
		}
		o.IPv6 = append(o.IPv6, mailflow.DomainStatus{Domain: d.Name, Status: "Disabled"})
	}
	return o
}

// TestPublishedRecipesRaiseNoWarningWithReports: what Exchange Online reports of a recipe that works adds no warning.
func TestPublishedRecipesRaiseNoWarningWithReports(t *testing.T) {
	for _, r := range recipes() {
		if len(r.mistakes) > 0 { // a sender that matches no connector is refused as Direct Send, too
			continue
		}
		tenant := r.tenant()
		tenant.Organization = r.reports(&tenant)
		w := &world{Facts: check.Facts{Now: noon, Tenants: []mailflow.Tenant{tenant}, NoNetwork: true}}
		w.inPath = &check.Path{Path: &probes.Path{}}
		for _, f := range w.run() {
			if f.Severity > check.Info {
				t.Errorf("%s: %s %s %+v: %q", r.name, f.Severity, f.Code, f.Subject, f.Evidence)
			}
			if info, _ := check.Lookup(f.Code); info.Needs != "" || f.Code == "not_judged" {
				t.Errorf("%s: %s: %q", r.name, f.Code, f.Evidence)
			}
		}
	}
}

// The gateway's addresses and its certificate are the same in all its customers' tenants.
func TestAGatewayInFrontOfTwoTenantsRaisesNoWarning(t *testing.T) {
	for _, r := range gatewayRecipes() {
		if len(r.mistakes) > 0 {
			continue
		}
		second := r
		second.domain = "fabrikam"
		w := &world{Facts: check.Facts{
			Now: noon, Tenants: []mailflow.Tenant{r.tenant(), second.tenant()}, NoNetwork: true,
		}}
		w.inPath = &check.Path{Path: &probes.Path{}}
		for _, f := range w.run() {
			if f.Severity > check.Info {
				t.Errorf("%s: %s %s %+v: %q", r.name, f.Severity, f.Code, f.Subject, f.Evidence)
			}
		}
	}
}
