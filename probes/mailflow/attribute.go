package mailflow

import (
	"fmt"
	"slices"
)

// Attribute foretells to which tenant Exchange Online attributes an arrival (facts: MC1226222 and the "Updated Requirements for
// SMTP Relay"). Of the same question for many arrivals ask a [Directory].
func Attribute(tenants []Tenant, a InboundMessage) Attribution {
	return NewDirectory(tenants).Attribute(a)
}

// What is refused, as Exchange Online words it.
const (
	replyRelay     = "550 5.7.64 TenantAttribution; Relay Access Denied"
	replyNotOurs   = "550 5.7.64 TenantAttribution; Relay Access Denied ATTR36"
	replyPartner   = "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain"
	replyTLS       = "454 4.7.0 Failed to establish appropriate TLS channel: Access Denied"
	replyUntrusted = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
)

// Attribute foretells to which tenant Exchange Online attributes an arrival, by which of the tenant's connectors, and whether the
// tenant relays it. Only the tenants of the directory are known: what others have configured may change the answer.
func (d *Directory) Attribute(a InboundMessage) Attribution {
	s := &simulation{d: d, c: newCaller(a)}
	s.out = Attribution{Message: s.c.InboundMessage, Basis: BasisNone, Trace: make([]string, 0, 8)}
	s.look()
	switch {
	case s.byCertificate():
	case s.byMailFrom():
	default:
		s.byRcptTo()
	}
	s.conclude()
	return s.out
}

// simulation is one attribution in the making.
type simulation struct {
	d        *Directory
	c        caller
	out      Attribution
	anyMatch bool     // some connector of some tenant matched
	tenants  []int    // that qualify
	matches  []match  // connectors of the tenant, where there is one
	relation Relation // of the certificate, where that is the ground
}

func (s *simulation) say(format string, args ...any) {
	switch n := len(s.out.Trace); {
	case n < MaxTrace-1:
		s.out.Trace = append(s.out.Trace, fmt.Sprintf(format, args...))
	case n == MaxTrace-1:
		s.out.Trace = append(s.out.Trace, "further steps are left out")
	}
}

func (s *simulation) doubt(why string) {
	if why != "" && !slices.Contains(s.out.Uncertain, why) {
		s.out.Uncertain = append(s.out.Uncertain, why)
	}
}

// maxMatches bounds how many matching connectors a trace names.
const maxMatches = 8

// look writes down what is there, and whether any connector matches.
func (s *simulation) look() {
	s.sayCertificate()
	n := 0
	for m := range s.d.matchingConnectors(&s.c) {
		if n++; n > maxMatches {
			s.say("more connectors match")
			break
		}
		s.sayMatch(m)
	}
	if s.anyMatch = n > 0; !s.anyMatch {
		s.say("no enabled OnPremises connector matches the certificate or %s", s.address())
	}
}

func (s *simulation) sayCertificate() {
	p := s.c.Certificate
	if p == nil {
		s.say("no client certificate is presented")
		return
	}
	names := list(s.c.names.all)
	if names == "" {
		names = "no domain"
	}
	from := ""
	if p.Source != "" {
		from = " (" + p.Source + ")"
	}
	switch p.Valid {
	case No:
		s.say("the client certificate%s for %s is not valid: it does not count", from, names)
	case Yes:
		s.say("the client certificate%s is for %s", from, names)
	default:
		s.say("the client certificate%s is for %s; whether it is valid could not be judged, it is taken to be", from, names)
	}
}

func (s *simulation) sayMatch(m match) {
	t := &s.d.tenants[m.tenant]
	c := &t.connectors[m.connector]
	if m.name.Matched {
		s.say("connector %q of %s matches by certificate: %s", c.Name, t.name, m.name.Rule)
		return
	}
	s.say("connector %q of %s matches by address: %s is in %s", c.Name, t.name, s.address(), m.address)
}

func (s *simulation) address() string {
	if !s.c.Address.IsValid() {
		return "an unknown address"
	}
	return s.c.Address.String()
}

// byCertificate is the first ground: the certificate bears a domain that a tenant accepts, and a connector of that tenant matches.
// Documented relations go before doubtful ones.
func (s *simulation) byCertificate() bool {
	if !s.c.usable {
		return false
	}
	best := map[int]Relation{}
	highest := 0
	for _, t := range s.d.owners(s.c.names.all...) {
		through := s.d.of(t, &s.c)
		r := s.relationTo(t, through)
		switch {
		case r.rank() == 0:
			continue
		case len(through) == 0:
			s.say("%s of %s, but none of its connectors matches", r.Rule, s.d.tenants[t].name)
			s.doubt("whether a certificate's domain attributes to a tenant without a connector that matches is not documented")
			continue
		}
		best[t] = r
		highest = max(highest, r.strength())
	}
	for t, r := range best {
		if r.strength() == highest {
			s.tenants = append(s.tenants, t)
		}
	}
	if len(s.tenants) == 0 {
		s.say("by certificate: no tenant with a matching connector accepts a domain of the certificate")
		return false
	}
	slices.Sort(s.tenants)
	s.ground(BasisCertificate)
	for _, t := range s.tenants {
		s.relation = best[t]
		s.say("by certificate: %s, of %s", best[t].Rule, s.d.tenants[t].name)
		s.doubt(best[t].Uncertain)
	}
	return true
}

// relationTo is the best relation to a tenant's accepted domains that a name of the certificate has, or the value by which one of
// its connectors knows the certificate: "*.contoso.com" stands for mail1.contoso.com (KB 3169958).
func (s *simulation) relationTo(tenant int, through []match) Relation {
	t := &s.d.tenants[tenant]
	names := s.c.names.all
	for _, m := range through {
		if m.name.Matched {
			names = append(slices.Clip(names), t.connectors[m.connector].wanted.name)
		}
	}
	best := Relation{Match: RelationNone}
	for _, name := range names {
		if r := t.domains.Relation(name); r.rank() > best.rank() {
			best = r
		}
	}
	return best
}

// byMailFrom is the second ground: a tenant accepts the MAIL FROM domain, and a connector of that tenant matches.
func (s *simulation) byMailFrom() bool {
	if s.c.MailFrom == "" {
		s.say("by MAIL FROM: the null sender has no domain")
		return false
	}
	owners := s.d.ownersOfMail(s.c.MailFrom)
	for _, t := range owners {
		name := s.d.tenants[t].name
		if len(s.d.of(t, &s.c)) == 0 {
			s.say("by MAIL FROM: %s accepts %s, but none of its connectors matches", name, s.c.MailFrom)
			continue
		}
		s.say("by MAIL FROM: %s accepts %s, and a connector of it matches", name, s.c.MailFrom)
		s.tenants = append(s.tenants, t)
	}
	if len(owners) == 0 {
		s.say("by MAIL FROM: %s is an accepted domain of no tenant here", s.c.MailFrom)
	}
	if len(s.tenants) == 0 {
		return false
	}
	s.ground(BasisMailFrom)
	return true
}

// byRcptTo is the last ground, and that of all ordinary mail from the internet: whose is the recipient?
func (s *simulation) byRcptTo() {
	s.tenants = s.d.ownersOfMail(s.c.RcptTo)
	for _, t := range s.tenants {
		s.say("by RCPT TO: %s accepts %s", s.d.tenants[t].name, s.c.RcptTo)
	}
	if len(s.tenants) == 0 {
		s.say("by RCPT TO: %q is an accepted domain of no tenant here", s.c.RcptTo)
		return
	}
	s.ground(BasisRcptTo)
}

func (s *simulation) ground(g AttributionBasis) {
	s.out.Basis = g
	for _, t := range s.tenants {
		s.out.Tenants = append(s.out.Tenants, s.d.tenants[t].name)
	}
	if len(s.tenants) == 1 {
		s.matches = s.d.of(s.tenants[0], &s.c)
	}
}
