package mailflow

import (
	"net/netip"
	"slices"
)

// MaxSenderAddresses bounds from how many of a sender's addresses its mail is simulated.
const MaxSenderAddresses = 16

// ExternalDomain is the recipient's domain of a simulated message to the world: nobody can own it (RFC 2606).
const ExternalDomain = "outside.invalid"

// SenderAttributions foretells what becomes of a sender's mail: of each of its MAIL FROM domains and of the null sender, from each
// of its addresses (first and last of a network, at most MaxSenderAddresses). An address that fares as the first one does is told
// once. Recipients are outside the tenant where the sender relays, else in its default domain.
//
// It returns nil where nothing can be foretold: the sender's connector is missing or turned off, the tenant has no accepted domain,
// or the connector asks for a certificate and what the sender presents is not known.
func SenderAttributions(d *Directory, t *Tenant, s *Sender) []Attribution {
	c := t.inbound(s.Connector)
	switch {
	case c == nil, !c.IsEnabled(), t.DefaultDomain() == "":
		return nil
	case c.TLSSenderCertificateName != "" && s.ClientCertificate == nil:
		return nil
	}
	recipient := ExternalDomain
	if s.Relays == "internal" || c.Type == Partner {
		recipient = t.DefaultDomain()
	}
	presented := s.ClientCertificate
	if s.Assumed && c.TLSSenderCertificateName == "" {
		presented = nil // nobody said that a sender known by its address presents anything: a guess must not raise an alarm
	}
	var all []Attribution
	for _, from := range append(slices.Clip(s.MailFromDomains), "") {
		first := len(all)
		for _, address := range s.representatives() {
			got := d.Attribute(InboundMessage{Address: address, Certificate: presented, TLS: true, MailFrom: from, RcptTo: recipient})
			if !got.faresLikeOneOf(all[first:]) {
				all = append(all, got)
			}
		}
	}
	return all
}

func (t *Tenant) inbound(name string) *InboundConnector {
	for i := range t.Inbound {
		if t.Inbound[i].Name == name {
			return &t.Inbound[i]
		}
	}
	return nil
}

// representatives are the addresses simulated; the zero address where the sender has none.
func (s *Sender) representatives() []netip.Addr {
	if len(s.Addresses) == 0 {
		return []netip.Addr{{}}
	}
	var all []netip.Addr
	for _, p := range s.Addresses {
		r := RangeOf(p)
		all = append(all, r.First)
		if r.Last != r.First {
			all = append(all, r.Last)
		}
		if len(all) >= MaxSenderAddresses {
			return all[:MaxSenderAddresses]
		}
	}
	return all
}

// faresLikeOneOf compares what happens, not what it is said of.
func (a Attribution) faresLikeOneOf(others []Attribution) bool {
	for _, o := range others {
		if a.Basis == o.Basis && a.Connector == o.Connector && a.Relay == o.Relay && a.Reply == o.Reply &&
			(a.Risk == "") == (o.Risk == "") && slices.Equal(a.Tenants, o.Tenants) && slices.Equal(a.Uncertain, o.Uncertain) {
			return true
		}
	}
	return false
}
