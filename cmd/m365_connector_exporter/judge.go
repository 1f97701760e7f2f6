package main

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/mailflow"
)

// clientsFor is how long the verdicts on the senders' certificates hold: their signatures are worth sparing, and a certificate that
// expires is noticed at its dates, which the checks read themselves.
const clientsFor = 10 * time.Minute

// judge adds to what is known of the paths what one configuration says, and what follows from both. It is not safe for concurrent
// use.
type judge struct {
	cfg   *config.Config
	roots *x509.CertPool

	clients   map[probes.PathID]*probes.TLS
	clientsAt time.Time
	served    map[probes.PathID]*probes.TLS // what the servers named by certificate.smtp showed

	presented    map[probes.PathID]string // the fingerprints that what follows rests on
	overlaps     []mailflow.Overlap
	attributions map[probes.PathID][]mailflow.Attribution
}

func newJudge(cfg *config.Config) *judge { return &judge{cfg: cfg, roots: cfg.Global.Roots} }

// complete adds the rest of the facts to f, which has the time, the tenants and the paths.
func (j *judge) complete(f *check.Facts) {
	f.Thresholds, f.Suppressions, f.Severity = j.cfg.Thresholds, j.cfg.Suppressions, j.severity
	f.ExchangeHosts = j.cfg.Global.ExchangeOnlineHosts
	if j.clients == nil || f.Now.Sub(j.clientsAt) >= clientsFor || f.Now.Before(j.clientsAt) {
		j.clients, j.clientsAt = j.judgeClients(f.Now), f.Now.Round(0) // of the wall clock alone, which may jump
	}
	for i := range f.Paths {
		if p := &f.Paths[i]; p.ID.Direction == mailflow.Inbound {
			p.MissingRoot = j.rootsLack(p.ID, f.Now)
		}
	}
	f.Tenants = j.withPresented(f)
	j.simulate(f)
}

// severity is what the configuration sets for a check: the tenant's own word wins.
func (j *judge) severity(tenant, code string) (check.Severity, bool) {
	word, ok := j.cfg.TenantChecks(tenant)[code]
	if !ok {
		word, ok = j.cfg.Checks[code]
	}
	if !ok {
		return check.Off, false
	}
	return check.ParseSeverity(word)
}

// judgeClients judges what each sender presents, as far as a file shows it.
func (j *judge) judgeClients(now time.Time) map[probes.PathID]*probes.TLS {
	clients := map[probes.PathID]*probes.TLS{}
	for i := range j.cfg.Tenants {
		t := &j.cfg.Tenants[i]
		accepted, connectors := mailflow.NewDomainIndex(t.AcceptedDomains), t.InboundByName()
		for k := range t.Senders {
			s := &t.Senders[k]
			if m, ok := j.cfg.Certificate(t.Name, s.Name); ok && len(m.Chain) > 0 {
				judged := certificate.Client(now, m.Chain, j.roots)
				relate(judged, accepted, requiredName(connectors[s.Connector]))
				clients[pathOf(t.Name, s)] = judged
			}
		}
	}
	return clients
}

func pathOf(tenant string, s *mailflow.Sender) probes.PathID {
	return probes.PathID{Tenant: tenant, Direction: mailflow.Inbound, Connector: s.Connector, Path: s.Name}
}

// requiredName is the certificate name that a connector requires; "" where it requires none, or there is no connector.
func requiredName(c *mailflow.InboundConnector) string {
	if c == nil {
		return ""
	}
	return c.TLSSenderCertificateName
}

// relate judges whether a name of the leaf is the tenant's: that is what attribution by certificate needs; and whether one is what the
// connector asks for.
func relate(t *probes.TLS, accepted mailflow.DomainIndex, asked string) {
	if len(t.Chain) == 0 {
		return
	}
	leaf := mailflow.ClientCertificate{CommonName: t.Chain[0].CommonName, DNSNames: t.Chain[0].DNSNames}
	if m := mailflow.MatchCertificate(asked, &leaf); asked != "" {
		named := probes.Judgement{Outcome: probes.Passed, Detail: m.Rule, Uncertain: m.Uncertain}
		if !m.Matched {
			named.Outcome, named.Reason = probes.Failed, probes.ReasonCertificateNameMismatch
		}
		t.Verdicts[probes.VerdictName] = named
	}
	verdict := probes.Judgement{Outcome: probes.Failed, Detail: "no name of the certificate is an accepted domain"}
	for _, name := range t.Chain[0].Names() {
		relation := accepted.Relation(name)
		if relation.Match != mailflow.RelationNone && (verdict.Outcome == probes.Failed || verdict.Uncertain != "" && relation.Uncertain == "") {
			verdict = probes.Judgement{Outcome: probes.Passed, Detail: relation.Rule, Uncertain: relation.Uncertain}
		}
	}
	t.Verdicts[probes.VerdictAcceptedDomain] = verdict
}

func (j *judge) rootsLack(id probes.PathID, now time.Time) string {
	pool := j.cfg.RootsOf(id.Tenant, id.Path)
	if pool == nil || certificate.HasGlobalRootG2(pool, now) {
		return ""
	}
	return "DigiCert Global Root G2"
}

// withPresented is the tenants with what their senders present, judged. An assumed sender presents what the tenant's own smart
// hosts show: on most premises one server does both.
func (j *judge) withPresented(f *check.Facts) []mailflow.Tenant {
	shown := shownByTenant(f.Paths)
	tenants := slices.Clone(f.Tenants)
	clients := map[probes.PathID]*probes.TLS{}
	for i := range tenants {
		t := &tenants[i]
		t.Senders = slices.Clone(t.Senders)
		accepted, connectors := mailflow.NewDomainIndex(t.AcceptedDomains), t.InboundByName()
		for k := range t.Senders {
			s := &t.Senders[k]
			connector := connectors[s.Connector]
			client := j.clients[pathOf(t.Name, s)]
			if client == nil {
				client = j.served[pathOf(t.Name, s)]
			}
			if client == nil && s.Assumed {
				client = assumed(connector, s, shown[t.Name])
			}
			if client != nil && len(client.Chain) > 0 {
				if j.clients[pathOf(t.Name, s)] == nil {
					client = asClient(client, accepted, requiredName(connector))
				}
				s.ClientCertificate = present(client, s)
				clients[pathOf(t.Name, s)] = client
			}
		}
	}
	for i := range f.Paths {
		if p := &f.Paths[i]; p.ID.Direction == mailflow.Inbound {
			p.Client = clients[p.ID]
		}
	}
	return tenants
}

// asClient is a certificate that was seen at a server, judged as one that a sender presents: there is no host to compare its names with,
// but what the connector asks for.
func asClient(seen *probes.TLS, accepted mailflow.DomainIndex, asked string) *probes.TLS {
	t := *seen
	t.Verdicts[probes.VerdictName] = probes.Judgement{}
	t.Verdicts[probes.VerdictClientAuth] = certificate.ClientAuth(t.Chain[0])
	relate(&t, accepted, asked)
	return &t
}

// maxShown bounds among how many certificates of smart hosts an assumed sender's is chosen.
const maxShown = 16

// shownByTenant is what the smart hosts of OnPremises connectors showed, by tenant.
func shownByTenant(paths []check.Path) map[string][]*probes.TLS {
	shown := map[string][]*probes.TLS{}
	for _, p := range paths {
		if p.ID.Direction != mailflow.Outbound || p.ConnectorType != mailflow.OnPremises {
			continue
		}
		for _, e := range p.Endpoints {
			if e.TLS != nil && len(e.TLS.Chain) > 0 && len(shown[p.ID.Tenant]) < maxShown {
				shown[p.ID.Tenant] = append(shown[p.ID.Tenant], e.TLS)
			}
		}
	}
	return shown
}

// assumed is what an assumed sender behind a connector presents, nil where nothing was shown.
func assumed(c *mailflow.InboundConnector, s *mailflow.Sender, shown []*probes.TLS) *probes.TLS {
	if c == nil {
		return nil
	}
	certificates := make([]*mailflow.ClientCertificate, len(shown))
	for i, one := range shown {
		certificates[i] = present(one, s)
	}
	if i := mailflow.AssumedCertificate(c, certificates); i >= 0 {
		return shown[i]
	}
	return nil
}

// present is a judged certificate as attribution sees it.
func present(client *probes.TLS, s *mailflow.Sender) *mailflow.ClientCertificate {
	leaf := client.Chain[0]
	p := &mailflow.ClientCertificate{CommonName: mailflow.CertificateName(leaf.CommonName), Fingerprint: leaf.Fingerprint, Valid: validity(client), Source: "the tenant's smart host"}
	for _, name := range leaf.DNSNames {
		p.DNSNames = append(p.DNSNames, mailflow.CertificateName(name))
	}
	switch {
	case s.ClientCertificate != nil:
		p.Source = s.ClientCertificate.Source
	case s.Certificate.SMTP != "":
		p.Source = s.Certificate.SMTP
	}
	return p
}

// validity is No where one question that Exchange Online asks is answered no, and Yes where all are answered yes (facts, 3.3).
func validity(client *probes.TLS) mailflow.Tri {
	all := mailflow.Yes
	for _, v := range []probes.Verdict{probes.VerdictTime, probes.VerdictChain, probes.VerdictTrust, probes.VerdictRevocation} {
		switch client.Verdicts[v].Outcome {
		case probes.Failed:
			return mailflow.No
		case probes.Passed:
		default:
			if v != probes.VerdictRevocation {
				all = mailflow.Unknown
			}
		}
	}
	return all
}

// simulate foretells attributions and looks for overlaps, unless everything that they rest on is as it was.
func (j *judge) simulate(f *check.Facts) {
	presented := map[probes.PathID]string{}
	for i := range f.Tenants {
		for k := range f.Tenants[i].Senders {
			if s := &f.Tenants[i].Senders[k]; s.ClientCertificate != nil {
				presented[pathOf(f.Tenants[i].Name, s)] = fmt.Sprint(s.ClientCertificate.Fingerprint, s.ClientCertificate.Valid)
			}
		}
	}
	if j.attributions == nil || !maps.Equal(presented, j.presented) {
		j.presented = presented
		j.overlaps = mailflow.Overlaps(f.Tenants)
		j.attributions = map[probes.PathID][]mailflow.Attribution{}
		directory := mailflow.NewDirectory(f.Tenants)
		for i := range f.Tenants {
			t := &f.Tenants[i]
			for k, attributions := range directory.TenantAttributions(t) {
				j.attributions[pathOf(t.Name, &t.Senders[k])] = attributions
			}
		}
	}
	f.Overlaps, f.Attributions = j.overlaps, j.attributions
}
