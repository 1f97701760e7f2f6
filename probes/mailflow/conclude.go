package mailflow

import (
	"fmt"
)

// conclude says through which connector, whether the tenant relays, what is refused and how long that will hold.
func (s *simulation) conclude() {
	s.out.Relay = s.out.Basis == BasisCertificate || s.out.Basis == BasisMailFrom
	switch {
	case s.out.Ambiguous():
		s.trace("ambiguous: %s qualify alike", list(s.out.Tenants))
	case s.out.Basis == BasisNone:
		s.refuseRelay()
	default:
		s.chooseConnector()
		s.applyPartners()
		s.out.Risk = s.risk()
		s.trace("attributed to %s by %s%s", s.out.Tenants[0], s.out.Basis, s.relays())
	}
	s.untrusted()
	if s.out.Reply != "" {
		s.trace("predicted reply: %s", s.out.Reply)
	}
}

func (s *simulation) relays() string {
	if s.out.Relay {
		return fmt.Sprintf(" through connector %q; mail to others is relayed", s.out.Connector)
	}
	if s.out.Connector == "" {
		return " as ordinary mail from the internet; nothing is relayed"
	}
	return fmt.Sprintf(" through connector %q; nothing is relayed", s.out.Connector)
}

// refuseRelay refuses a message that belongs to no tenant. The text depends on whether a connector matched (KB 3169958, KB 4019940).
func (s *simulation) refuseRelay() {
	s.out.Reply = replyRelay
	if s.anyMatch {
		s.out.Reply = replyNotOurs
	}
	s.uncertain(uncertainStep)
}

// chooseConnector takes the first that matches; which of several Exchange Online takes is not documented.
func (s *simulation) chooseConnector() {
	if len(s.matches.first) == 0 {
		if _, ok := s.d.tenants[s.tenants[0]].domains.Match(s.m.MailFrom); ok {
			s.trace("mail in the tenant's own name without a connector is Direct Send: with RejectDirectSend, which no export tells, it is refused with 550 5.7.68")
		}
		return
	}
	m := s.matches.first[0]
	c := s.connector(m.place)
	s.out.Connector = c.Name
	s.listAlsoMatching()
	if m.byName() {
		s.uncertain(c.wanted.match(s.m.names).Uncertain)
	}
	if n := len(s.matches.first); n > 1 {
		count := fmt.Sprint(n)
		if s.matches.more {
			count = fmt.Sprintf("more than %d", n)
		}
		s.uncertain(fmt.Sprintf("%s connectors of %s match: which one is used is not documented, certificate before address is reported", count, s.out.Tenants[0]))
	}
	if !m.byName() && c.wanted.value != "" {
		s.uncertain(fmt.Sprintf("connector %q has a certificate name and addresses: whether an address alone suffices is not documented", c.Name))
	}
	if !m.byName() && c.RequireTLS == Yes && !s.m.TLS {
		s.uncertain(fmt.Sprintf("connector %q requires TLS: whether that holds for OnPremises connectors is not documented", c.Name))
	}
	if len(c.AssociatedAcceptedDomains) > 0 {
		s.uncertain(fmt.Sprintf("connector %q is tied to accepted domains: Microsoft documents that only as a test setting", c.Name))
	}
}

// listAlsoMatching names the other connectors that match by the same criterion as the first.
func (s *simulation) listAlsoMatching() {
	first := s.matches.first
	for _, m := range first[1:] {
		if m.byName() == first[0].byName() && len(s.out.AlsoMatching) < MaxAlsoMatching {
			s.out.AlsoMatching = append(s.out.AlsoMatching, s.connector(m.place).Name)
		}
	}
}

// untrusted predicts the refusal of a certificate that does not verify, where a connector requires its name and TLS (KB 2888788).
func (s *simulation) untrusted() {
	if s.m.Certificate == nil || s.m.usable || len(s.matches.first) > 0 || s.out.Ambiguous() {
		return
	}
	var matches []match
	for _, key := range s.m.keys {
		if p, ok := s.d.tlsByName[key]; ok {
			matches = append(matches, match{place: p})
		}
	}
	if len(matches) == 0 {
		return
	}
	p := sortMatches(matches)[0].place
	s.out.Reply = replyUntrusted
	s.trace("connector %q of %s would match if the certificate were valid", s.connector(p).Name, s.d.tenants[p.tenant].name)
	s.uncertain(uncertainRefusal)
}

// risk explains why the attribution may not outlive a tenant's move (MC1226222): the connector matches the certificate, but its domain
// does not decide; or other tenants list the address too.
func (s *simulation) risk() string {
	if len(s.matches.first) == 0 {
		return ""
	}
	m := s.matches.first[0]
	c := s.connector(m.place)
	switch {
	case s.out.Basis == BasisCertificate && s.relation.Match == RelationParent && c.Source != "HybridWizard":
		return fmt.Sprintf("%s: Microsoft recommends to register it, or to ask for *.%s", s.relation.Rule, s.relation.Domain)
	case s.out.Basis == BasisCertificate:
		return ""
	case m.byName():
		return fmt.Sprintf("the certificate (%s) matches connector %q, but no accepted domain of %s, so that only %s attributes the message (MC1226222)",
			c.wanted.match(s.m.names).Name, c.Name, s.out.Tenants[0], s.out.Basis)
	}
	return s.sharedAddress(int(m.tenant))
}

// sharedAddress names another tenant whose connector lists the address too.
func (s *simulation) sharedAddress(own int) string {
	for network := range networksOf(s.m.Address) {
		if p, ok := inOtherTenant(s.d.byNetwork[network], own); ok {
			return fmt.Sprintf("%s is also in %s of connector %q of %s, so that only %s attributes the message (MC1226222)",
				s.m.Address, RangeOf(network), s.connector(p).Name, s.d.tenants[p.tenant].name, s.out.Basis)
		}
	}
	return ""
}
