package mailflow

import (
	"fmt"
	"slices"
	"strings"
)

// conclude says through which connector, whether the tenant relays, what is refused and how long that will hold.
func (s *simulation) conclude() {
	s.out.Relay = s.out.Basis == BasisCertificate || s.out.Basis == BasisMailFrom
	switch {
	case s.out.Ambiguous():
		s.say("ambiguous: %s qualify alike", list(s.out.Tenants))
	case s.out.Basis == BasisNone:
		s.refuseRelay()
	default:
		s.chooseConnector()
		s.partners()
		s.out.Risk = s.fragile()
		s.say("attributed to %s by %s%s", s.out.Tenants[0], s.out.Basis, s.relays())
	}
	s.untrusted()
	if s.out.Reply != "" {
		s.say("predicted reply: %s", s.out.Reply)
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

// refuseRelay: nobody's message to nobody's recipient. The words differ with whether a connector matched (KB 3169958, KB 4019940).
func (s *simulation) refuseRelay() {
	s.out.Reply = replyRelay
	if s.anyMatch {
		s.out.Reply = replyNotOurs
	}
	s.doubt(uncertainStep)
}

// chooseConnector takes the first that matches; which of several Exchange Online takes is reported, not documented.
func (s *simulation) chooseConnector() {
	if len(s.matches) == 0 {
		if _, ok := s.d.tenants[s.tenants[0]].domains.Match(s.c.MailFrom); ok {
			s.say("mail in the tenant's own name without a connector is Direct Send: with RejectDirectSend, which no export tells, it is refused with 550 5.7.68")
		}
		return
	}
	m := s.matches[0]
	c := s.connector(m)
	s.out.Connector = c.Name
	s.rivals()
	s.doubt(m.name.Uncertain)
	if len(s.matches) > 1 {
		s.doubt(fmt.Sprintf("%d connectors of %s match: which one is used is not documented, certificate before address is reported", len(s.matches), s.out.Tenants[0]))
	}
	if !m.name.Matched && c.wanted.value != "" {
		s.doubt(fmt.Sprintf("connector %q has a certificate name and addresses: whether an address alone suffices is not documented", c.Name))
	}
	if !m.name.Matched && c.RequireTLS == Yes && !s.c.TLS {
		s.doubt(fmt.Sprintf("connector %q requires TLS: whether that holds for OnPremises connectors is not documented", c.Name))
	}
	if len(c.AssociatedAcceptedDomains) > 0 {
		s.doubt(fmt.Sprintf("connector %q is tied to accepted domains: Microsoft documents that only as a test setting", c.Name))
	}
}

// rivals names the connectors that match as the first does. One that matches by address beside one that matches by certificate is
// none.
func (s *simulation) rivals() {
	for _, m := range s.matches[1:] {
		if m.name.Matched == s.matches[0].name.Matched && len(s.out.AlsoMatching) < MaxAlsoMatching {
			s.out.AlsoMatching = append(s.out.AlsoMatching, s.connector(m).Name)
		}
	}
}

func (s *simulation) connector(m match) *connectorEntry {
	return &s.d.tenants[m.tenant].connectors[m.connector]
}

// partners judges the recipient's tenant's Partner connectors, which only restrict. They are for mail from outside: whether they
// hold for what an OnPremises connector brings is not documented.
func (s *simulation) partners() {
	t := &s.d.tenants[s.tenants[0]]
	if _, own := t.domains.Match(s.c.RcptTo); !own {
		return
	}
	for _, p := range t.partners {
		reply, why := s.restricts(p)
		switch {
		case why == "":
		case len(s.matches) > 0 && reply != "":
			s.doubt(fmt.Sprintf("Partner connector %q would refuse it (%s): whether it counts beside an OnPremises connector is not documented", p.Name, why))
		case reply != "":
			s.out.Connector, s.out.Reply = p.Name, reply
			s.say("Partner connector %q of %s refuses it: %s", p.Name, t.name, why)
			return
		case s.out.Connector == "":
			s.out.Connector = p.Name
			s.say("Partner connector %q of %s: %s", p.Name, t.name, why)
		}
	}
}

// restricts tells what a Partner connector says: nothing (no sender domain of it), a reason without a reply where its conditions
// are met, or a refusal.
func (s *simulation) restricts(p *InboundConnector) (reply, why string) {
	domain := s.senderDomain(p)
	if domain == "" {
		return "", ""
	}
	why = "its sender domain " + domain + " covers the sender"
	switch {
	case p.RequireTLS == Yes && !s.c.TLS:
		return replyTLS, why + ", it requires TLS and there is none"
	case p.RestrictDomainsToIPAddresses == Yes && !s.inNetworks(p):
		return replyPartner, why + ", and " + s.address() + " is none of its SenderIPAddresses"
	case p.RestrictDomainsToCertificate == Yes:
		m := NameMatch{Rule: "no valid client certificate is presented"}
		if s.c.usable {
			m = wantedName(p.TLSSenderCertificateName).match(s.c.names)
		}
		if !m.Matched {
			return replyPartner, why + ", and " + m.Rule
		}
	}
	return "", why + ", and its conditions are met"
}

// senderDomain is the connector's sender domain that covers MAIL FROM; "" when none does. Only "*" covers the null sender.
func (s *simulation) senderDomain(p *InboundConnector) string {
	for _, text := range p.SenderDomains {
		domain, ok := NormaliseDomain(text)
		base, wild := strings.CutPrefix(domain, "*.")
		switch {
		case !ok:
		case domain == "*", domain == s.c.MailFrom, wild && strings.HasSuffix(s.c.MailFrom, "."+base):
			return domain
		}
	}
	return ""
}

func (s *simulation) inNetworks(c *InboundConnector) bool {
	return slices.ContainsFunc(c.networks(), func(r Range) bool { return r.Contains(s.c.Address) })
}

// untrusted: a connector asks for the name of a certificate that does not verify, and for TLS (KB 2888788).
func (s *simulation) untrusted() {
	if s.c.Certificate == nil || s.c.usable || len(s.matches) > 0 || s.out.Ambiguous() {
		return
	}
	valid := s.c
	valid.usable, valid.found = true, nil
	for m := range s.d.matchingConnectors(&valid) {
		if c := s.connector(m); m.name.Matched && c.RequireTLS == Yes {
			s.out.Reply = replyUntrusted
			s.say("connector %q of %s would match if the certificate were valid", c.Name, s.d.tenants[m.tenant].name)
			s.doubt(uncertainRefusal)
			return
		}
	}
}

// fragile says why the attribution may not outlive a tenant's move (MC1226222): the connector knows the certificate, whose domain
// then decides nothing; or the address is others' too.
func (s *simulation) fragile() string {
	if len(s.matches) == 0 {
		return ""
	}
	m := s.matches[0]
	c := s.connector(m)
	switch {
	case s.out.Basis == BasisCertificate && s.relation.Match == RelationParent && c.Source != "HybridWizard":
		return fmt.Sprintf("%s: Microsoft recommends to register it, or to ask for *.%s", s.relation.Rule, s.relation.Domain)
	case s.out.Basis == BasisCertificate:
		return ""
	case m.name.Matched:
		return fmt.Sprintf("the certificate (%s) matches connector %q, but no accepted domain of %s, so that only %s attributes the message (MC1226222)",
			m.name.Name, c.Name, s.out.Tenants[0], s.out.Basis)
	}
	return s.shared(m.tenant)
}

// shared names another tenant whose connector lists the address too.
func (s *simulation) shared(own int) string {
	if !s.c.Address.Is4() {
		return ""
	}
	for _, p := range s.d.byAddress[blockOf(s.c.Address)] {
		other := &s.d.tenants[p.tenant]
		for _, r := range other.connectors[p.connector].ranges {
			if p.tenant != own && r.Contains(s.c.Address) {
				return fmt.Sprintf("%s is also in %s of connector %q of %s, so that only %s attributes the message (MC1226222)",
					s.c.Address, r, other.connectors[p.connector].Name, other.name, s.out.Basis)
			}
		}
	}
	return ""
}
