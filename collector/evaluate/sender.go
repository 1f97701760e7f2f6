package evaluate

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/mailflow"
)

// fileCertificates are the certificates in senders' certificate files, judged.
type fileCertificates struct {
	clients  map[probes.PathID]*probes.TLS
	at       time.Time
	verifier *certificate.Verifier
}

// fileVerdictTTL is how long the verdicts on certificate files are used. Verifying signatures of thousands of
// senders costs seconds; the checks read the dates of a certificate themselves.
const fileVerdictTTL = 10 * time.Minute

// validAt reports whether the verdicts may be used at now. The wall clock decides: it may jump.
func (f fileCertificates) validAt(now time.Time) bool {
	age := now.Round(0).Sub(f.at)
	return f.clients != nil && age >= 0 && age < fileVerdictTTL
}

// judgeFiles judges the certificate files with the verifier, which remembers chains.
func judgeFiles(inventory *Inventory, verifier *certificate.Verifier, now time.Time) fileCertificates {
	f := fileCertificates{clients: map[probes.PathID]*probes.TLS{}, at: now.Round(0), verifier: verifier}
	for i := range inventory.Tenants {
		t := &inventory.Tenants[i]
		accepted, connectors := mailflow.NewDomainIndex(t.AcceptedDomains), t.InboundByName()
		for k := range t.Senders {
			s := &t.Senders[k]
			id := SenderPath(t.Name, s)
			if chain := inventory.Certificates[id]; len(chain) > 0 {
				client := verifier.Client(now, chain)
				judgeNames(client, accepted, requiredName(connectors[s.Connector]))
				f.clients[id] = client
			}
		}
	}
	return f
}

// requiredName is the certificate name that a connector requires; "" if it requires none, or there is no connector.
func requiredName(c *mailflow.InboundConnector) string {
	if c == nil {
		return ""
	}
	return c.TLSSenderCertificateName
}

// judgeNames judges whether a name of the leaf is the one that the connector requires, and whether one is an
// accepted domain of the tenant: attribution by certificate needs both.
func judgeNames(client *probes.TLS, accepted mailflow.DomainIndex, required string) {
	if len(client.Chain) == 0 {
		return
	}
	if required != "" {
		match := mailflow.MatchCertificate(required, client.Chain[0].ClientCertificate())
		name := probes.Judgement{Outcome: probes.Passed, Detail: match.Rule, Uncertain: match.Uncertain}
		if !match.Matched {
			name.Outcome, name.Reason = probes.Failed, probes.ReasonCertificateNameMismatch
			name = openIfNamesOmitted(name, client.Chain[0])
		}
		client.Verdicts[probes.VerdictName] = name
	}
	domain := probes.Judgement{Outcome: probes.Failed, Detail: "no name of the certificate is an accepted domain"}
	for _, name := range client.Chain[0].Names() {
		relation := accepted.Relation(name)
		better := domain.Outcome == probes.Failed || domain.Uncertain != "" && relation.Uncertain == ""
		if relation.Match != mailflow.RelationNone && better {
			domain = probes.Judgement{Outcome: probes.Passed, Detail: relation.Rule, Uncertain: relation.Uncertain}
		}
	}
	if domain.Outcome == probes.Failed {
		domain = openIfNamesOmitted(domain, client.Chain[0])
	}
	client.Verdicts[probes.VerdictAcceptedDomain] = domain
}

// openIfNamesOmitted makes a failed judgement one that could not be made if names of the certificate are not recorded.
func openIfNamesOmitted(failed probes.Judgement, leaf *probes.Certificate) probes.Judgement {
	if leaf.OmittedNames == 0 {
		return failed
	}
	return probes.Judgement{Detail: fmt.Sprintf("%d names of the certificate are not compared", leaf.OmittedNames)}
}

// addClients adds the tenants, with the certificate that each of their senders presents.
func (r *Report) addClients(snapshot *Snapshot) {
	shown := smartHostCertificates(snapshot.Paths, r.inventory.Tenants)
	r.Clients = map[probes.PathID]*probes.TLS{}
	r.Tenants = slices.Clone(r.inventory.Tenants)
	for i := range r.Tenants {
		t := &r.Tenants[i]
		t.Senders = slices.Clone(t.Senders)
		accepted, connectors := mailflow.NewDomainIndex(t.AcceptedDomains), t.InboundByName()
		for k := range t.Senders {
			s := &t.Senders[k]
			id, connector := SenderPath(t.Name, s), connectors[s.Connector]
			client := r.files.clients[id]
			if client == nil {
				seen := observedCertificate(s, connector, snapshot.SMTPCertificates[id], shown[t.Name])
				client = asClient(seen, accepted, requiredName(connector))
			}
			if client != nil && len(client.Chain) > 0 {
				s.ClientCertificate = attributionCertificate(client, sourceOf(s))
				r.Clients[id] = client
			}
		}
	}
}

// observedCertificate is the certificate of a sender without a certificate file: as the server of certificate.smtp
// showed it, else, for an assumed sender, as a smart host of the tenant did. It returns nil if nothing was shown.
func observedCertificate(
	s *mailflow.Sender, c *mailflow.InboundConnector, smtp *probes.TLS, smartHosts *shownCertificates,
) *probes.TLS {
	if smtp != nil || !s.Assumed {
		return smtp
	}
	return assumedCertificate(c, smartHosts)
}

// asClient judges a certificate that a server showed as one that a client presents.
func asClient(seen *probes.TLS, accepted mailflow.DomainIndex, required string) *probes.TLS {
	if seen == nil || len(seen.Chain) == 0 {
		return nil
	}
	client := *seen
	client.Verdicts[probes.VerdictName] = probes.Judgement{} // that of the server's host
	client.Verdicts[probes.VerdictClientAuth] = certificate.ClientAuth(client.Chain[0])
	judgeNames(&client, accepted, required)
	return &client
}

// maxSmartHostCertificates bounds among how many certificates of smart hosts that of an assumed sender is chosen.
const maxSmartHostCertificates = 16

// shownCertificates are what the smart hosts of a tenant showed.
type shownCertificates struct {
	seen         []*probes.TLS
	certificates []*mailflow.ClientCertificate // the same
	claimed      []bool                        // see mailflow.Tenant.Claimed
}

// smartHostCertificates is what the smart hosts of OnPremises connectors showed, by tenant. Connectors that a mail flow
// rule uses lead to a service, such as one for signatures, which presents another certificate than its servers show.
func smartHostCertificates(paths []check.Path, tenants []mailflow.Tenant) map[string]*shownCertificates {
	type connector struct{ tenant, name string }
	byRule := map[connector]bool{}
	shown := make(map[string]*shownCertificates, len(tenants))
	for i := range tenants {
		shown[tenants[i].Name] = &shownCertificates{}
		for k := range tenants[i].Outbound {
			c := &tenants[i].Outbound[k]
			if c.IsTransportRuleScoped == mailflow.Yes {
				byRule[connector{tenants[i].Name, c.Name}] = true
			}
		}
	}
	for _, p := range paths {
		s := shown[p.ID.Tenant]
		if s == nil || p.ID.Direction != mailflow.Outbound || p.ConnectorType != mailflow.OnPremises ||
			byRule[connector{p.ID.Tenant, p.ID.Connector}] {
			continue
		}
		for _, e := range p.Endpoints {
			if e.TLS != nil && len(e.TLS.Chain) > 0 && len(s.seen) < maxSmartHostCertificates {
				s.seen = append(s.seen, e.TLS)
				s.certificates = append(s.certificates, attributionCertificate(e.TLS, ""))
			}
		}
	}
	for i := range tenants {
		s := shown[tenants[i].Name]
		s.claimed = tenants[i].Claimed(s.certificates)
	}
	return shown
}

// assumedCertificate is the certificate that an assumed sender presents: that of a smart host of the same tenant,
// for often one server sends and receives. It returns nil if none was shown.
func assumedCertificate(c *mailflow.InboundConnector, shown *shownCertificates) *probes.TLS {
	if c == nil || shown == nil {
		return nil
	}
	if i := mailflow.AssumedCertificate(c, shown.certificates, shown.claimed); i >= 0 {
		return shown.seen[i]
	}
	return nil
}

// sourceOf is where the certificate of a sender is known from.
func sourceOf(s *mailflow.Sender) string {
	switch {
	case s.ClientCertificate != nil:
		return s.ClientCertificate.Source
	case s.Certificate.SMTP != "":
		return s.Certificate.SMTP
	default:
		return "the tenant's smart host"
	}
}

// attributionCertificate is a judged client certificate as attribution reads it.
func attributionCertificate(client *probes.TLS, source string) *mailflow.ClientCertificate {
	c := client.Chain[0].ClientCertificate()
	c.Valid, c.Source = validity(client), source
	return c
}

// validityVerdicts are what Exchange Online asks of a client certificate before it attributes mail by it.
var validityVerdicts = [...]probes.Verdict{
	probes.VerdictTime, probes.VerdictChain, probes.VerdictTrust, probes.VerdictRevocation,
}

// validity is No if one of the verdicts is negative, Yes if all are positive, and otherwise Unknown. A
// certificate whose revocation was not checked is taken to be valid.
func validity(client *probes.TLS) mailflow.Tri {
	all := mailflow.Yes
	for _, v := range validityVerdicts {
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

// ClientCertificate judges a certificate chain, DER and leaf first, as Exchange Online judges that of a sender. The
// problems are why it is not valid. It returns an error if the chain cannot be parsed. Roots nil are the
// system's.
func ClientCertificate(
	chain [][]byte, roots *x509.CertPool, source string, now time.Time,
) (c *mailflow.ClientCertificate, problems []string, err error) {
	client := certificate.NewVerifier(roots).Client(now, chain)
	if len(client.Chain) == 0 {
		return nil, nil, errors.New(client.Unparsable)
	}
	for _, v := range validityVerdicts {
		if j := client.Verdicts[v]; j.Outcome == probes.Failed {
			problems = append(problems, v.String()+": "+j.Detail)
		}
	}
	return attributionCertificate(client, source), problems, nil
}

// missingRoot is the root of Exchange Online's certificates that a sender's trusted roots lack; "" if they have
// it or none are configured.
func missingRoot(trusted *x509.CertPool, now time.Time) string {
	if trusted == nil || certificate.HasGlobalRootG2(trusted, now) {
		return ""
	}
	return "DigiCert Global Root G2"
}
