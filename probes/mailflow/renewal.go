package mailflow

import (
	"fmt"
	"slices"
	"strings"
)

// RenewalSimulation is what becomes of one sender's mail if it presents another certificate.
type RenewalSimulation struct {
	Tenant, Connector, Sender string
	Assumed                   bool
	RequiredName              string // the connector's TlsSenderCertificateName; "" when it knows its senders by address
	Before, After             CertificateOutcome
	Problems                  []string // what would not work, one sentence each, at most MaxBreaks; empty when all would
}

// CertificateOutcome is how a sender fares with one certificate.
type CertificateOutcome struct {
	Certificate  *ClientCertificate // nil: not known
	Match        NameMatch          // with what the connector asks for
	Attributions []Attribution
}

// MaxProblems bounds what a rehearsal says of one sender.
const MaxProblems = 16

// SenderFilter reports whether a sender behind a connector is included.
type SenderFilter func(*Tenant, *InboundConnector, *Sender) bool

// SimulateRenewal predicts what happens to the chosen senders' mail if they present p, in the order of the tenants and their senders.
// Senders whose connector is missing or disabled are left out.
func SimulateRenewal(tenants []Tenant, chosen SenderFilter, p *ClientCertificate) []RenewalSimulation {
	d := NewDirectory(tenants)
	var all []RenewalSimulation
	for i := range tenants {
		t := &tenants[i]
		simulator := newSenderSimulator(d, t)
		for j := range t.Senders {
			s := &t.Senders[j]
			if c := simulator.connectors[s.Connector]; c != nil && c.IsEnabled() && chosen(t, c, s) {
				all = append(all, simulator.renewal(c, s, p))
			}
		}
	}
	return all
}

func (x *senderSimulator) renewal(c *InboundConnector, s *Sender, p *ClientCertificate) RenewalSimulation {
	outcome := func(p *ClientCertificate) CertificateOutcome {
		with := *s
		with.ClientCertificate = p
		return CertificateOutcome{Certificate: p, Match: MatchCertificate(c.TLSSenderCertificateName, p), Attributions: x.attributions(&with)}
	}
	r := RenewalSimulation{
		Tenant: x.t.Name, Connector: c.Name, Sender: s.Name, Assumed: s.Assumed, RequiredName: c.TLSSenderCertificateName,
		Before: outcome(s.ClientCertificate), After: outcome(p),
	}
	r.judge(x.t)
	return r
}

func (r *RenewalSimulation) breaks(format string, args ...any) {
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// judge compares the two performances. What did not work before is told only of the connector's name: the rest is no fault of the
// certificate's.
func (r *RenewalSimulation) judge(t *Tenant) {
	if p := r.After.Certificate; p.Valid == No && r.RequiredName != "" {
		r.breaks("the certificate is not valid: Exchange Online will not match it (KB 3212877)")
	}
	if r.RequiredName != "" && !r.After.Match.Matched {
		already := ""
		if r.Before.Certificate != nil && !r.Before.Match.Matched {
			already = "; the present certificate does not match either"
		}
		r.breaks("%s%s", r.After.Match.Rule, already)
	}
	r.judgeSmartHosts(t)
	for _, a := range r.After.Attributions {
		if !a.Reaches(r.Tenant, r.Connector) && r.worked(a) {
			r.breaks("%s", r.fate(a))
		}
	}
}

// judgeSmartHosts looks at the other direction: on most premises one certificate does both. A name that the present one bears, and
// that an outbound connector asks of its smart hosts, must not get lost.
func (r *RenewalSimulation) judgeSmartHosts(t *Tenant) {
	for i := range t.Outbound {
		c := &t.Outbound[i]
		if !c.IsEnabled() || c.Type != OnPremises || c.TLSSettings != DomainValidation || c.TLSDomain == "" {
			continue
		}
		if serves(c.TLSDomain, r.Before.Certificate) && !serves(c.TLSDomain, r.After.Certificate) {
			r.breaks("if the smart hosts of the outbound connector %q show this certificate too, mail to them stops: its TlsDomain %s is not in it (450 4.7.320)", c.Name, c.TLSDomain)
		}
	}
}

// serves tells that a server with this certificate satisfies a TlsDomain. Other than for TlsSenderCertificateName, a wildcard of the
// certificate stands for one label (RFC 6125, section 6.4.3).
func serves(tlsDomain string, p *ClientCertificate) bool {
	domain, _ := NormaliseDomain(tlsDomain)
	_, parent, _ := strings.Cut(domain, ".")
	return MatchCertificate(tlsDomain, p).Matched || parent != "" && slices.Contains(namesOf(p).all, "*."+parent)
}

// worked tells that the message reached its tenant before, as far as that is known. Of the null sender nothing is expected.
func (r *RenewalSimulation) worked(a Attribution) bool {
	if len(r.Before.Attributions) == 0 {
		return a.Message.MailFrom != ""
	}
	return slices.ContainsFunc(r.Before.Attributions, func(b Attribution) bool {
		return b.Message.MailFrom == a.Message.MailFrom && b.Reaches(r.Tenant, r.Connector)
	})
}

func (r *RenewalSimulation) fate(a Attribution) string {
	from := "mail from " + a.From()
	if a.Message.MailFrom == "" {
		from = "mail with the null sender"
	}
	switch {
	case a.Reply != "":
		return from + " is refused: " + a.Reply
	case len(a.Tenants) == 0:
		return from + " is attributed to no tenant here"
	case a.Ambiguous():
		return fmt.Sprintf("%s is attributed to %s alike", from, list(a.Tenants))
	case a.Tenants[0] != r.Tenant:
		return fmt.Sprintf("%s is attributed to %s by %s", from, a.Tenants[0], a.Basis)
	}
	return fmt.Sprintf("%s reaches %s, but not through this connector", from, r.Tenant)
}

// CertificateRelatesTo reports whether a certificate is likely meant for a sender behind a connector: one of its names has the same
// registered domain as a name of the certificate that the sender presents now, or as the name that the connector requires.
func CertificateRelatesTo(p *ClientCertificate, c *InboundConnector, s *Sender) bool {
	registered := map[string]bool{RegisteredDomain(wantedName(c.TLSSenderCertificateName).name): true}
	for _, name := range namesOf(s.ClientCertificate).all {
		registered[RegisteredDomain(name)] = true
	}
	return slices.ContainsFunc(namesOf(p).all, func(name string) bool {
		domain := RegisteredDomain(name)
		return domain != "" && registered[domain]
	})
}
