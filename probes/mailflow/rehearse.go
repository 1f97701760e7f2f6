package mailflow

import (
	"fmt"
	"slices"
	"strings"
)

// Rehearsal is what becomes of one sender's mail if it presents another certificate.
type Rehearsal struct {
	Tenant, Connector, Sender string
	Assumed                   bool
	Asks                      string // the connector's TlsSenderCertificateName; "" when it knows its senders by address
	Before, After             Performance
	Breaks                    []string // what would not work, one sentence each, at most MaxBreaks; empty when all would
}

// Performance is how a sender fares with one certificate.
type Performance struct {
	Presented    *Presented // nil: not known
	Match        NameMatch  // with what the connector asks for
	Attributions []Attribution
}

// MaxBreaks bounds what a rehearsal says of one sender.
const MaxBreaks = 16

// Rehearse foretells what becomes of the chosen senders' mail if they present p, in the order of the tenants and their senders.
// Senders of connectors that are missing or turned off are left out.
func Rehearse(tenants []Tenant, chosen func(*Tenant, *Sender) bool, p *Presented) []Rehearsal {
	d := NewDirectory(tenants)
	var all []Rehearsal
	for i := range tenants {
		t := &tenants[i]
		for j := range t.Senders {
			s := &t.Senders[j]
			if c := t.inbound(s.Connector); c != nil && c.IsEnabled() && chosen(t, s) {
				all = append(all, rehearse(d, t, s, c, p))
			}
		}
	}
	return all
}

func rehearse(d *Directory, t *Tenant, s *Sender, c *InboundConnector, p *Presented) Rehearsal {
	perform := func(p *Presented) Performance {
		as := *s
		as.Presented = p
		return Performance{Presented: p, Match: MatchCertificate(c.TLSSenderCertificateName, p), Attributions: SenderAttributions(d, t, &as)}
	}
	r := Rehearsal{
		Tenant: t.Name, Connector: c.Name, Sender: s.Name, Assumed: s.Assumed, Asks: c.TLSSenderCertificateName,
		Before: perform(s.Presented), After: perform(p),
	}
	r.judge(t)
	return r
}

func (r *Rehearsal) breaks(format string, args ...any) {
	if len(r.Breaks) < MaxBreaks {
		r.Breaks = append(r.Breaks, fmt.Sprintf(format, args...))
	}
}

// judge compares the two performances. What did not work before is told only of the connector's name: the rest is no fault of the
// certificate's.
func (r *Rehearsal) judge(t *Tenant) {
	if p := r.After.Presented; p.Valid == No && r.Asks != "" {
		r.breaks("the certificate is not valid: Exchange Online will not match it (KB 3212877)")
	}
	if r.Asks != "" && !r.After.Match.Matched {
		already := ""
		if r.Before.Presented != nil && !r.Before.Match.Matched {
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
func (r *Rehearsal) judgeSmartHosts(t *Tenant) {
	for i := range t.Outbound {
		c := &t.Outbound[i]
		if !c.IsEnabled() || c.Type != OnPremises || c.TLSSettings != DomainValidation || c.TLSDomain == "" {
			continue
		}
		if serves(c.TLSDomain, r.Before.Presented) && !serves(c.TLSDomain, r.After.Presented) {
			r.breaks("if the smart hosts of the outbound connector %q show this certificate too, mail to them stops: its TlsDomain %s is not in it (450 4.7.320)", c.Name, c.TLSDomain)
		}
	}
}

// serves tells that a server with this certificate satisfies a TlsDomain. Other than for TlsSenderCertificateName, a wildcard of the
// certificate stands for one label (RFC 6125, section 6.4.3).
func serves(tlsDomain string, p *Presented) bool {
	domain, _ := NormaliseDomain(tlsDomain)
	_, parent, _ := strings.Cut(domain, ".")
	return MatchCertificate(tlsDomain, p).Matched || parent != "" && slices.Contains(namesOf(p).all, "*."+parent)
}

// worked tells that the message reached its tenant before, as far as that is known. Of the null sender nothing is expected.
func (r *Rehearsal) worked(a Attribution) bool {
	if len(r.Before.Attributions) == 0 {
		return a.Arrival.MailFrom != ""
	}
	return slices.ContainsFunc(r.Before.Attributions, func(b Attribution) bool {
		return b.Arrival.MailFrom == a.Arrival.MailFrom && b.Reaches(r.Tenant, r.Connector)
	})
}

func (r *Rehearsal) fate(a Attribution) string {
	from := "mail from " + a.Arrival.MailFrom
	if a.Arrival.MailFrom == "" {
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
		return fmt.Sprintf("%s is attributed to %s by %s", from, a.Tenants[0], a.Ground)
	}
	return fmt.Sprintf("%s reaches %s, but not through this connector", from, r.Tenant)
}

// Concerns tells whether a certificate is meant for a sender, as far as names tell: one of its names belongs to the same registered
// domain as a name that the sender presents now or that its connector asks for.
func Concerns(p *Presented, t *Tenant, s *Sender) bool {
	names := namesOf(s.Presented).all
	if c := t.inbound(s.Connector); c != nil {
		names = append(names, wantedName(c.TLSSenderCertificateName).name)
	}
	registered := map[string]bool{}
	for _, name := range names {
		registered[RegisteredDomain(name)] = true
	}
	return slices.ContainsFunc(namesOf(p).all, func(name string) bool {
		domain := RegisteredDomain(name)
		return domain != "" && registered[domain]
	})
}

// AsksForCertificate tells whether a sender's connector knows it by a certificate.
func AsksForCertificate(t *Tenant, s *Sender) bool {
	c := t.inbound(s.Connector)
	return c != nil && c.TLSSenderCertificateName != ""
}
