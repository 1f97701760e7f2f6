package mailflow

import (
	"net/netip"
	"slices"
)

// WithImpliedSenders adds a sender to every enabled OnPremises inbound connector that has none, marked as assumed and named after the
// connector: from the connector's addresses, with MAIL FROM each accepted domain. What it presents is found out later, see [AssumedCertificate].
// Mail of trusted organizations comes from Exchange Online itself and needs none. The tenant that was given is not changed.
func WithImpliedSenders(t Tenant) Tenant {
	served, taken := map[string]bool{}, map[string]bool{}
	for _, s := range t.Senders {
		served[s.Connector], taken[s.Name] = true, true
	}
	t.Senders = slices.Clip(t.Senders)
	mailFrom := make([]string, len(t.AcceptedDomains)) // shared by all implied senders
	for i, d := range t.AcceptedDomains {
		mailFrom[i] = d.Name
	}
	for i := range t.Inbound {
		c := &t.Inbound[i]
		if !c.IsEnabled() || c.Type != OnPremises || served[c.Name] || len(c.TrustedOrganizations) > 0 {
			continue
		}
		served[c.Name] = true
		name := c.Name
		for taken[name] {
			name += " (assumed)"
		}
		taken[name] = true
		t.Senders = append(t.Senders, impliedSender(c, name, mailFrom))
	}
	return t
}

func impliedSender(c *InboundConnector, name string, mailFrom []string) Sender {
	s := Sender{Name: name, Connector: c.Name, Assumed: true, Relays: "external", MailFromDomains: mailFrom}
	listed := map[netip.Prefix]bool{}
	for _, network := range c.networks() {
		if !listed[network] {
			listed[network] = true
			s.Addresses = append(s.Addresses, network)
		}
	}
	return s
}

// AssumedCertificate chooses what an assumed sender presents: of the certificates that the smart hosts of the tenant's OnPremises outbound
// connectors show, the first that the connector asks for, else the first. It returns the index, -1 where none is shown.
func AssumedCertificate(c *InboundConnector, shown []*ClientCertificate) int {
	first := -1
	for i, p := range shown {
		switch {
		case p == nil:
		case MatchCertificate(c.TLSSenderCertificateName, p).Matched:
			return i
		case first < 0:
			first = i
		}
	}
	return first
}
