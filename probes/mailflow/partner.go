package mailflow

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// maxPartners bounds how many Partner connectors are considered for one message.
const maxPartners = 64

// coveringPartner is a Partner connector of a tenant, and its sender domain that covers a MAIL FROM domain.
type coveringPartner struct {
	connector int
	domain    string
}

// senderPatterns returns the sender domains that cover a MAIL FROM domain: itself, and the wildcards. Only "*" covers
// the null sender.
func senderPatterns(mailFrom string) []string {
	if mailFrom == "" {
		return []string{"*"}
	}
	return slices.AppendSeq([]string{mailFrom}, Wildcards(mailFrom))
}

// partnersOf lists the Partner connectors of a tenant that cover a MAIL FROM domain, in order, and reports whether
// there are more.
func (d *Directory) partnersOf(tenant int, mailFrom string) (covering []coveringPartner, more bool) {
	for _, domain := range senderPatterns(mailFrom) {
		for _, i := range atMost(maxPartners+1, d.partners[partnerDomain{tenant, domain}]) {
			covering = append(covering, coveringPartner{i, domain})
		}
	}
	slices.SortStableFunc(covering, func(a, b coveringPartner) int { return cmp.Compare(a.connector, b.connector) })
	covering = slices.CompactFunc(covering, func(a, b coveringPartner) bool { return a.connector == b.connector })
	return atMost(maxPartners, covering), len(covering) > maxPartners
}

// applyPartners applies the Partner connectors of the recipient's tenant, which only restrict. They are for mail from
// outside: whether they apply to what an OnPremises connector accepts is not documented.
func (s *simulation) applyPartners() {
	t := &s.d.tenants[s.tenants[0]]
	if _, own := t.domains.Match(s.m.RcptTo); !own {
		return
	}
	covering, more := s.d.partnersOf(s.tenants[0], s.m.MailFrom)
	if more {
		s.uncertain(fmt.Sprintf("more than %d Partner connectors cover the sender: only the first %[1]d are considered",
			maxPartners))
	}
	for _, one := range covering {
		p := &t.partners[one.connector]
		reply, why := s.restrict(p, one.domain)
		if reply != "" && one.domain == "*."+s.m.MailFrom {
			s.uncertain(fmt.Sprintf("Microsoft does not document whether the sender domain %s covers %s itself",
				one.domain, s.m.MailFrom))
		}
		switch {
		case len(s.matches.first) > 0 && reply != "":
			s.uncertain(fmt.Sprintf("Partner connector %q would refuse it (%s): whether that applies to mail of an OnPremises "+
				"connector is not documented", p.Name, why))
		case reply != "":
			s.out.Connector, s.out.Reply = p.Name, reply
			if reply == replyPartner {
				s.uncertain(uncertainPartnerStep)
			}
			s.trace("Partner connector %q of %s refuses it: %s", p.Name, t.name, why)
			return
		case s.out.Connector == "":
			s.out.Connector = p.Name
			s.trace("Partner connector %q of %s: %s", p.Name, t.name, why)
		}
	}
}

// restrict returns the refusal of a Partner connector whose sender domain covers the sender, "" if the message meets
// the connector's conditions, and the explanation.
func (s *simulation) restrict(p *partnerEntry, domain string) (reply, why string) {
	why = "its sender domain " + domain + " covers the sender"
	switch {
	case p.RequireTLS == Yes && !s.m.TLS:
		return replyTLS, why + ", it requires TLS, which is not used"
	case p.RestrictDomainsToIPAddresses == Yes && !p.lists(s.m.Address):
		return replyPartner, why + ", and " + s.address() + " is not in its SenderIPAddresses"
	case p.RestrictDomainsToCertificate == Yes:
		m := NameMatch{Rule: "no valid client certificate is presented"}
		if s.m.usable {
			m = p.required.match(s.m.domains)
		}
		if !m.Matched {
			return replyPartner, why + ", and " + m.Rule
		}
	}
	return "", why + ", and its conditions are met"
}

// lists reports whether an address is among the connector's SenderIPAddresses.
func (p *partnerEntry) lists(address netip.Addr) bool {
	for network := range networksOf(address) {
		if p.networks[network] {
			return true
		}
	}
	return false
}
