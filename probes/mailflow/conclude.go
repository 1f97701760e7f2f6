package mailflow

import "fmt"

// conclude determines the connector, whether the tenant relays, whether the message is refused, and the risk.
func (s *simulation) conclude() {
	s.out.Relay = s.out.Basis == BasisCertificate || s.out.Basis == BasisMailFrom
	switch {
	case s.out.Ambiguous():
		s.trace("ambiguous: %s qualify by the same criterion", list(s.out.Tenants))
	case s.out.Basis == BasisNone:
		s.refuseRelay()
	default:
		s.chooseConnector()
		s.applyPartners()
		s.judgeDirectSend()
		s.assessRisk()
		s.trace("attributed to %s by %s%s", s.out.Tenants[0], s.out.Basis, s.relayNote())
	}
	s.refuseUntrusted()
	if s.out.Reply != "" {
		s.trace("predicted reply: %s", s.out.Reply)
	}
}

func (s *simulation) relayNote() string {
	switch {
	case s.out.Relay:
		return fmt.Sprintf(" through connector %q; mail to other domains is relayed", s.out.Connector)
	case s.out.Connector == "":
		return " as mail from the internet; nothing is relayed"
	default:
		return fmt.Sprintf(" through connector %q; nothing is relayed", s.out.Connector)
	}
}

// refuseRelay refuses a message that belongs to no tenant. The text depends on whether a connector matches (KB
// 3169958, KB 4019940).
func (s *simulation) refuseRelay() {
	s.out.Reply = replyRelay
	if s.anyMatch {
		s.out.Reply = replyNotAccepted
	}
	s.uncertain(uncertainStep)
}

// chooseConnector chooses the first connector that matches. Which of several Exchange Online uses is not documented.
func (s *simulation) chooseConnector() {
	if len(s.matches.first) == 0 {
		return
	}
	s.out.Connector = s.connector(s.matches.first[0].place).Name
	s.listAlsoMatching()
	s.connectorUncertainties()
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

// connectorUncertainties records what is not documented about the chosen connector.
func (s *simulation) connectorUncertainties() {
	m := s.matches.first[0]
	c := s.connector(m.place)
	if m.byName() {
		s.uncertain(c.required.match(s.m.domains).Uncertain)
	}
	if n := len(s.matches.first); n > 1 {
		count := fmt.Sprint(n)
		if s.matches.more {
			count = "more than " + count
		}
		s.uncertain(fmt.Sprintf("%s connectors of %s match: which one Exchange Online uses is not documented; certificates "+
			"are assumed to precede addresses", count, s.out.Tenants[0]))
	}
	if !m.byName() && c.required.value != "" {
		s.uncertain(fmt.Sprintf("connector %q has a certificate name and addresses: whether an address alone is sufficient "+
			"is not documented", c.Name))
	}
	if !m.byName() && c.RequireTLS == Yes && !s.m.TLS {
		s.uncertain(fmt.Sprintf("connector %q requires TLS: whether that applies to OnPremises connectors is not documented",
			c.Name))
	}
	if len(c.AssociatedAcceptedDomains) > 0 {
		s.uncertain(fmt.Sprintf("connector %q has AssociatedAcceptedDomains: Microsoft documents them as a test setting only",
			c.Name))
	}
}

// refuseUntrusted predicts the refusal of a certificate that does not verify, if a connector requires its name and
// TLS (KB 2888788).
func (s *simulation) refuseUntrusted() {
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
	s.trace("connector %q of %s would match if the certificate were valid", s.connector(p).Name,
		s.d.tenants[p.tenant].name)
	s.uncertain(uncertainRefusal)
}

// assessRisk explains why the attribution may change if Microsoft moves a tenant (MC1226222), and what is uncertain
// about the certificate.
func (s *simulation) assessRisk() {
	byAddress := len(s.matches.first) > 0 && !s.matches.first[0].byName()
	if s.out.Basis != BasisCertificate {
		s.out.Risk = s.weakBasis()
		return
	}
	if byAddress && !s.relation.isDocumented() {
		// The connector does not require the certificate: if it does not count, the message is attributed without it.
		without := s.withoutCertificate()
		if without.Relay == s.out.Relay && without.Reaches(s.out.Tenants[0], s.out.Connector) {
			s.out.Risk, s.out.RiskOther = without.Risk, without.RiskOther
			return
		}
	}
	s.uncertain(s.relation.Uncertain)
	requiredByConnector := len(s.matches.first) > 0 && !byAddress
	if requiredByConnector && s.relation.Match == RelationParent &&
		s.connector(s.matches.first[0].place).Source != "HybridWizard" {
		s.out.Risk = fmt.Sprintf("%s: Microsoft recommends to register it as an accepted domain, or to require *.%s",
			s.relation.Rule, s.relation.Domain)
	}
}

// withoutCertificate attributes the message by MAIL FROM or RCPT TO.
func (s *simulation) withoutCertificate() Attribution {
	other := &simulation{d: s.d, m: s.m, found: s.found, anyMatch: s.anyMatch, out: Attribution{Basis: BasisNone}}
	if !other.byMailFrom() {
		other.byRcptTo()
	}
	other.conclude()
	return other.out
}

// weakBasis explains why only MAIL FROM or RCPT TO attributes the message: the connector matches the certificate, but
// the certificate's domain does not decide; or other tenants list the address too.
func (s *simulation) weakBasis() string {
	if len(s.matches.first) == 0 {
		return ""
	}
	m := s.matches.first[0]
	if !m.byName() {
		return s.sharedAddress(int(m.tenant))
	}
	c := s.connector(m.place)
	return fmt.Sprintf(
		"the certificate (%s) matches connector %q, but no accepted domain of %s, so only %s attributes the "+
			"message (MC1226222)", c.required.match(s.m.domains).Name, c.Name, s.out.Tenants[0], s.out.Basis)
}

// sharedAddress names another tenant whose connector lists the address too.
func (s *simulation) sharedAddress(own int) string {
	for network := range networksOf(s.m.Address) {
		if p, ok := inOtherTenant(s.d.byNetwork[network], own); ok {
			s.out.RiskOther = OverlapPeer{
				Tenant: s.d.tenants[p.tenant].name, Connector: s.connector(p).Name, Value: RangeOf(network).String(),
			}
			return fmt.Sprintf("%s is also in %s of connector %q of %s, so only %s attributes the message (MC1226222)",
				s.m.Address, RangeOf(network), s.connector(p).Name, s.d.tenants[p.tenant].name, s.out.Basis)
		}
	}
	return ""
}
