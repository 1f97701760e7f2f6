package mailflow

import "fmt"

// Direct Send is mail from an accepted domain of the tenant to its own recipients that matches no connector. With
// RejectDirectSend, Exchange Online refuses it (MC1093237). "We only consider inbound connectors configured to match
// the sender IP or certificate": Set-OrganizationConfig, RejectDirectSend.
const replyDirectSend = "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from " +
	"unauthorized sources"

// uncertainDirectSendStep concerns only the text of the refusal. That the mail is refused is documented.
const uncertainDirectSendStep = "the SMTP step of 5.7.68 is not documented"

// judgeDirectSend refuses Direct Send if the tenant rejects it. It runs after applyPartners, because a Partner
// connector may match the sender by address or certificate.
func (s *simulation) judgeDirectSend() {
	t := &s.d.tenants[s.tenants[0]]
	if _, own := t.domains.Match(s.m.MailFrom); !own || len(s.matches.first) > 0 || s.out.Reply != "" {
		return
	}
	switch t.rejectDirectSend {
	case No:
		s.trace("mail from the tenant's own domain without a connector is Direct Send, which %s accepts", t.name)
	case Unknown:
		s.trace("mail from the tenant's own domain without a connector is Direct Send: with RejectDirectSend, which is not " +
			"known (Get-OrganizationConfig), it is refused with 550 5.7.68")
	default:
		if name := s.restrictingPartner(); name != "" {
			s.uncertain(fmt.Sprintf("whether Partner connector %q exempts mail from RejectDirectSend is not documented", name))
			return
		}
		s.out.DirectSendRejected, s.out.Reply = true, replyDirectSend
		s.uncertain(uncertainDirectSendStep)
	}
}

// restrictingPartner returns the Partner connector that matches the sender by its address or certificate, "" if none
// does.
func (s *simulation) restrictingPartner() string {
	if s.out.Connector == "" {
		return ""
	}
	for _, p := range s.d.tenants[s.tenants[0]].partners {
		byAddressOrCertificate := p.RestrictDomainsToIPAddresses == Yes || p.RestrictDomainsToCertificate == Yes
		if p.Name == s.out.Connector && byAddressOrCertificate {
			return p.Name
		}
	}
	return ""
}
