package check_test

import (
	"net/netip"
	"strings"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// world is two healthy tenants, of which nothing is found. The pointers lead to the first one's parts.
type world struct {
	check.Facts
	tenant, other *mailflow.Tenant
	out           *mailflow.OutboundConnector
	in            *mailflow.InboundConnector
	sender        *mailflow.Sender
	path, inPath  *check.Path
	shown, second *probes.TLS            // by the two addresses of the smart host
	exchange      *probes.TLS            // by Exchange Online
	client        *probes.TLS            // by the sender
	attributions  []mailflow.Attribution // the sender's, instead of simulated ones
}

func newWorld() *world {
	w := &world{Facts: check.Facts{
		Now: noon, Tenants: []mailflow.Tenant{healthy("contoso"), healthy("fabrikam")},
		Thresholds: check.Thresholds{
			WarningRatio: .25, WarningDays: 30, CriticalRatio: .1, CriticalDays: 7, ValidationMaxAge: 90 * day,
			InventoryMaxAge: 8 * day,
		},
		MX: map[string][]string{
			"contoso.com":             {"contoso-com.mail.protection.outlook.com"},
			"contoso.onmicrosoft.com": {"contoso.mail.protection.outlook.com"},
		},
	}}
	w.tenant, w.other = &w.Tenants[0], &w.Tenants[1]
	w.out, w.in, w.sender = &w.tenant.Outbound[0], &w.tenant.Inbound[0], &w.tenant.Senders[0]
	w.shown = certificate("mail.contoso.com")
	w.second = certificate("mail.contoso.com")
	w.exchange = certificate("mail.protection.outlook.com")
	w.client = certificate("edge.contoso.com")
	w.Paths = []check.Path{w.outboundPath(), w.inboundPath()}
	w.path, w.inPath = &w.Paths[0], &w.Paths[1]
	return w
}

func healthy(name string) mailflow.Tenant {
	domain := name + ".com"
	return mailflow.Tenant{
		Name: name, Cloud: mailflow.Worldwide, InventoryTime: noon.Add(-day),
		AcceptedDomains: []mailflow.AcceptedDomain{
			{Name: domain, Type: "Authoritative", Default: mailflow.Yes, MatchSubDomains: mailflow.No},
			{Name: name + ".onmicrosoft.com", Type: "Authoritative", Initial: mailflow.Yes, MatchSubDomains: mailflow.No},
		},
		Outbound: []mailflow.OutboundConnector{{
			Common: mailflow.Common{
				Name: "To on-premises", Type: mailflow.OnPremises, Source: "HybridWizard", Enabled: mailflow.Yes,
			},
			RecipientDomains: []string{domain}, UseMXRecord: mailflow.No, SmartHosts: []string{"mail." + domain},
			TLSSettings: mailflow.DomainValidation, TLSDomain: "mail." + domain,
			ValidationRecipients: []string{"probe@" + domain},
			AllAcceptedDomains:   mailflow.No, IsTransportRuleScoped: mailflow.No, TestMode: mailflow.No,
			IsValidated: mailflow.Yes, LastValidation: noon.Add(-day),
		}},
		Inbound: []mailflow.InboundConnector{{
			Common: mailflow.Common{
				Name: "From on-premises", Type: mailflow.OnPremises, Source: "HybridWizard", Enabled: mailflow.Yes,
				CloudServicesMailEnabled: mailflow.Yes,
			},
			RequireTLS: mailflow.Yes, TLSSenderCertificateName: "*." + domain, SenderDomains: []string{"*"},
		}},
		Senders: []mailflow.Sender{{
			Name: "edge-1", Connector: "From on-premises", Organization: name, SendConnector: "Outbound to Office 365",
			Relays: "external", MailFromDomains: []string{domain},
			ClientCertificate: presented("edge."+domain, name),
		}},
	}
}

// presented is a valid certificate of these names; the first is the CN too.
func presented(names, fingerprint string) *mailflow.ClientCertificate {
	all := strings.Fields(names)
	return &mailflow.ClientCertificate{CommonName: all[0], DNSNames: all, Fingerprint: fingerprint, Valid: mailflow.Yes}
}

// certificate is what a handshake showed with a healthy chain.
func certificate(name string) *probes.TLS {
	t := &probes.TLS{
		Version: "TLS 1.3", ChainNotBefore: noon.Add(-400 * day), ChainNotAfter: noon.Add(1000 * day),
		MicrosoftRoot: probes.Judgement{Outcome: probes.Passed},
		Chain: []*probes.Certificate{{
			Subject: name, CommonName: name, DNSNames: []string{name}, Issuer: "CA", Serial: "0a",
			NotBefore: noon.Add(-100 * day), NotAfter: noon.Add(265 * day),
			ServerAuth: true, ClientAuth: true,
		}},
	}
	for v := range t.Verdicts {
		t.Verdicts[v].Outcome = probes.Passed
	}
	return t
}

func (w *world) outboundPath() check.Path {
	p := probes.Path{
		ID: probes.PathID{
			Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To on-premises", Path: "mail.contoso.com",
		},
		ConnectorType: mailflow.OnPremises, TLSSettings: mailflow.DomainValidation, TLSDomain: "mail.contoso.com",
	}
	r := &probes.Result{Path: p.ID, Until: probes.Recipient, Endpoints: []probes.Endpoint{
		probed("mail.contoso.com", "192.0.2.1:25", w.shown), probed("mail.contoso.com", "192.0.2.2:25", w.second),
	}}
	return check.Path{Path: &p, Conclusive: r, Newest: r, Endpoints: []check.Endpoint{
		{Host: "mail.contoso.com", Address: "192.0.2.1", TLS: w.shown},
		{Host: "mail.contoso.com", Address: "192.0.2.2", TLS: w.second},
	}}
}

func (w *world) inboundPath() check.Path {
	const host = "contoso-com.mail.protection.outlook.com"
	p := probes.Path{
		ID: probes.PathID{
			Tenant: "contoso", Direction: mailflow.Inbound, Connector: "From on-premises", Path: "edge-1",
		},
		ConnectorType: mailflow.OnPremises, TLSSettings: mailflow.EncryptionOnly, Kind: probes.NextHopSender,
	}
	r := &probes.Result{
		Path: p.ID, Until: probes.TLSStage, Endpoints: []probes.Endpoint{probed(host, "198.51.100.25:25", w.exchange)},
	}
	return check.Path{
		Path: &p, Conclusive: r, Newest: r, Client: w.client, Endpoints: []check.Endpoint{{Host: host, TLS: w.exchange}},
	}
}

// probed is an endpoint that passed every stage but the message.
func probed(host, addr string, t *probes.TLS) probes.Endpoint {
	e := probes.Endpoint{Host: host, Addr: netip.MustParseAddrPort(addr), TLS: t}
	for s := range probes.Message {
		e.Steps[s].Outcome = probes.Passed
	}
	return e
}

// step sets a stage of the smart host's first endpoint.
func (w *world) step(s probes.Stage, reason probes.Reason) {
	r := *w.path.Conclusive
	r.Endpoints = []probes.Endpoint{r.Endpoints[0]}
	e := &r.Endpoints[0]
	for later := s; later < probes.NumStages; later++ {
		e.Steps[later] = probes.Step{}
	}
	e.Steps[s] = probes.Step{Outcome: reason.Outcome(), Reason: reason, Detail: "test detail"}
	w.path.Conclusive, w.path.Newest = &r, &r
}

// tls sets what the outbound connector demands.
func (w *world) tls(s mailflow.TLSSettings) {
	w.out.TLSSettings, w.path.TLSSettings = s, s
	if s != mailflow.DomainValidation {
		w.out.TLSDomain, w.path.TLSDomain = "", ""
	}
}

// partner makes the outbound connector a Partner connector without required TLS.
func (w *world) partner() {
	w.out.Type, w.path.ConnectorType = mailflow.Partner, mailflow.Partner
	w.tls(mailflow.Opportunistic)
}

// byAddress makes the inbound connector authenticate its sender by address alone.
func (w *world) byAddress() {
	w.in.TLSSenderCertificateName, w.in.SenderIPAddresses = "", []string{"198.51.100.10"}
	w.sender.Addresses = []netip.Prefix{netip.MustParsePrefix("198.51.100.10/32")}
	w.sender.ClientCertificate = nil
	w.inPath.Client = nil
}

// presents gives the sender a certificate with these names.
func (w *world) presents(names string) {
	w.sender.ClientCertificate = presented(names, "renewed")
}

// run judges the world as it is now.
func (w *world) run() []check.Finding {
	d := mailflow.NewDirectory(w.Tenants)
	w.Attributions = map[probes.PathID][]mailflow.Attribution{}
	for i := range w.Tenants {
		t := &w.Tenants[i]
		for j, attributions := range d.TenantAttributions(t) {
			s := &t.Senders[j]
			id := probes.PathID{Tenant: t.Name, Direction: mailflow.Inbound, Connector: s.Connector, Path: s.Name}
			w.Attributions[id] = attributions
		}
	}
	if w.attributions != nil {
		w.Attributions[w.inPath.ID] = w.attributions
	}
	w.Overlaps = mailflow.Overlaps(w.Tenants)
	return check.Run(&w.Facts)
}
