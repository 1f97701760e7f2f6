package mailflow

import (
	"net/netip"
	"slices"
)

// Sender is a server or service that delivers mail to the tenant through one inbound connector.
type Sender struct {
	Name               string
	Connector          string
	Assumed            bool // added by WithImpliedSenders, not configured
	Organization       string
	SendConnector      string
	Addresses          []netip.Prefix
	MailFromDomains    []string
	Relays             string // external, internal
	Certificate        CertificateSource
	ClientCertificate  *ClientCertificate // the one at Certificate; nil if it is not known
	TrustedRoots       string
	PresentCertificate bool
	Target             string
	Recipient          string
}

// CertificateSource is where to read a sender's client certificate. At most one of File, PKCS12 and SMTP is set.
type CertificateSource struct {
	File, PKCS12, PasswordFile, SMTP string
}

// WithImpliedSenders adds a sender to every enabled OnPremises inbound connector that has none. The sender is marked
// as assumed, has the connector's name and addresses, and sends from each accepted domain. Its certificate is chosen
// later, see [AssumedCertificate]. Connectors for trusted organizations need no sender: their mail comes from
// Exchange Online itself. t is not changed.
func WithImpliedSenders(t Tenant) Tenant {
	hasSender, taken := map[string]bool{}, map[string]bool{}
	for _, s := range t.Senders {
		hasSender[s.Connector], taken[s.Name] = true, true
	}
	t.Senders = slices.Clip(t.Senders)
	mailFrom := make([]string, len(t.AcceptedDomains)) // shared by all implied senders
	for i, d := range t.AcceptedDomains {
		mailFrom[i] = d.Name
	}
	for i := range t.Inbound {
		c := &t.Inbound[i]
		if !c.IsEnabled() || c.Type != OnPremises || hasSender[c.Name] || len(c.TrustedOrganizations) > 0 {
			continue
		}
		hasSender[c.Name] = true
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
	seen := map[netip.Prefix]bool{}
	for _, network := range c.networks() {
		if !seen[network] {
			seen[network] = true
			s.Addresses = append(s.Addresses, network)
		}
	}
	return s
}

// AssumedCertificate chooses the certificate that an assumed sender behind c probably presents, among those of the
// smart hosts of the tenant's OnPremises outbound connectors: the first that c matches, else the first that is not
// another connector's (see [Tenant.Claimed]). It returns its index, -1 if there is none. Entries of certificates may be
// nil.
func AssumedCertificate(c *InboundConnector, certificates []*ClientCertificate, claimed []bool) int {
	first := -1
	for i, certificate := range certificates {
		switch {
		case certificate == nil:
		case MatchCertificate(c.TLSSenderCertificateName, certificate).Matched:
			return i
		case first < 0 && !claimed[i]:
			first = i
		}
	}
	return first
}

// Claimed reports for each certificate whether an enabled OnPremises connector of the tenant requires one of its names:
// then it is that of this connector's sender, and says nothing of the senders behind others.
func (t *Tenant) Claimed(certificates []*ClientCertificate) []bool {
	claimed := make([]bool, len(certificates))
	for i, certificate := range certificates {
		claimed[i] = certificate != nil && slices.ContainsFunc(t.Inbound, func(c InboundConnector) bool {
			return c.IsEnabled() && c.Type == OnPremises &&
				MatchCertificate(c.TLSSenderCertificateName, certificate).Matched
		})
	}
	return claimed
}
