package mailflow

import (
	"fmt"
	"slices"
)

// RenewalSimulation predicts what happens to one sender's mail if it presents another certificate.
type RenewalSimulation struct {
	Tenant, Connector, Sender string
	Assumed                   bool
	RequiredName              string // the connector's TlsSenderCertificateName; "" if it requires none
	Before, After             CertificateOutcome
	Problems                  []string // what would not work, one sentence each, at most MaxProblems
}

// CertificateOutcome is what happens to a sender's mail with one certificate.
type CertificateOutcome struct {
	Certificate  *ClientCertificate // nil: not known
	Match        NameMatch          // with the name that the connector requires
	Attributions []Attribution
}

// MaxProblems bounds the problems of one sender.
const MaxProblems = 16

// SenderFilter reports whether a sender behind a connector is included.
type SenderFilter func(*Tenant, *InboundConnector, *Sender) bool

// SimulateRenewal predicts what happens to the chosen senders' mail if they present certificate, in the order of the
// tenants and their senders. Senders whose connector is missing or disabled are left out.
func SimulateRenewal(tenants []Tenant, chosen SenderFilter, certificate *ClientCertificate) []RenewalSimulation {
	d := NewDirectory(tenants)
	var all []RenewalSimulation
	for i := range tenants {
		t := &tenants[i]
		simulator := newSenderSimulator(d, t)
		for j := range t.Senders {
			s := &t.Senders[j]
			if c := simulator.connectors[s.Connector]; c != nil && c.IsEnabled() && chosen(t, c, s) {
				all = append(all, simulator.renewal(c, s, certificate))
			}
		}
	}
	return all
}

func (x *senderSimulator) renewal(c *InboundConnector, s *Sender, certificate *ClientCertificate) RenewalSimulation {
	outcome := func(certificate *ClientCertificate) CertificateOutcome {
		with := *s
		with.ClientCertificate = certificate
		return CertificateOutcome{
			Certificate: certificate, Match: MatchCertificate(c.TLSSenderCertificateName, certificate),
			Attributions: x.attributions(&with),
		}
	}
	r := RenewalSimulation{
		Tenant: x.t.Name, Connector: c.Name, Sender: s.Name, Assumed: s.Assumed, RequiredName: c.TLSSenderCertificateName,
		Before: outcome(s.ClientCertificate), After: outcome(certificate),
	}
	r.judge(x.t)
	return r
}

func (r *RenewalSimulation) addProblem(format string, args ...any) {
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// judge compares the two outcomes. Mail that was not attributed to the connector before is not a problem of the new
// certificate. A certificate that lacks the required name is one, even if the present certificate lacks it too.
func (r *RenewalSimulation) judge(t *Tenant) {
	if r.RequiredName != "" && r.After.Certificate.Valid == No {
		r.addProblem("the certificate is not valid: Exchange Online will not match it (KB 3212877)")
	}
	if r.RequiredName != "" && !r.After.Match.Matched {
		already := ""
		if r.Before.Certificate != nil && !r.Before.Match.Matched {
			already = "; the present certificate does not match either"
		}
		r.addProblem("%s%s", r.After.Match.Rule, already)
	}
	r.judgeSmartHosts(t)
	for _, a := range r.After.Attributions {
		if !a.Reaches(r.Tenant, r.Connector) && r.workedBefore(a) {
			r.addProblem("%s", r.describe(a))
		}
	}
}

// judgeSmartHosts considers the other direction: mail servers often use one certificate for both. A name of the
// present certificate that an outbound connector requires of its smart hosts must not be missing in the new one.
func (r *RenewalSimulation) judgeSmartHosts(t *Tenant) {
	for i := range t.Outbound {
		c := &t.Outbound[i]
		if !c.IsEnabled() || c.Type != OnPremises || c.TLSSettings != DomainValidation || c.TLSDomain == "" {
			continue
		}
		if satisfies(c.TLSDomain, r.Before.Certificate) && !satisfies(c.TLSDomain, r.After.Certificate) {
			r.addProblem("if the smart hosts of the outbound connector %q present this certificate too, mail to them stops: it "+
				"does not contain TlsDomain %s (450 4.7.320)", c.Name, c.TLSDomain)
		}
	}
}

// satisfies reports whether a server with this certificate satisfies a TlsDomain. The CN counts only if there is no
// SAN.
func satisfies(tlsDomain string, certificate *ClientCertificate) bool {
	domain, ok := NormaliseDomain(tlsDomain)
	if !ok || certificate == nil {
		return false
	}
	names := certificate.DNSNames
	if len(names) == 0 {
		names = []string{certificate.CommonName}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		matched, _ := MatchTLSDomain(domain, CertificateName(name))
		return matched
	})
}

// workedBefore reports whether the message reached its tenant with the present certificate. If that is not known, it is
// assumed of all mail but that with the null sender.
func (r *RenewalSimulation) workedBefore(a Attribution) bool {
	if len(r.Before.Attributions) == 0 {
		return a.Message.MailFrom != ""
	}
	return slices.ContainsFunc(r.Before.Attributions, func(b Attribution) bool {
		return b.Message.MailFrom == a.Message.MailFrom && b.Reaches(r.Tenant, r.Connector)
	})
}

func (r *RenewalSimulation) describe(a Attribution) string {
	from := "mail from " + a.From()
	if a.Message.MailFrom == "" {
		from = "mail with the null sender"
	}
	switch {
	case a.Reply != "":
		return from + " is refused: " + a.Reply
	case len(a.Tenants) == 0:
		return from + " is attributed to no configured tenant"
	case a.Ambiguous():
		return fmt.Sprintf("%s is attributed ambiguously to %s", from, list(a.Tenants))
	case a.Tenants[0] != r.Tenant:
		return fmt.Sprintf("%s is attributed to %s by %s", from, a.Tenants[0], a.Basis)
	}
	return fmt.Sprintf("%s reaches %s, but not through this connector", from, r.Tenant)
}
