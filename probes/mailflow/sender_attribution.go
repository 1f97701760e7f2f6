package mailflow

import (
	"net/netip"
	"slices"
	"strconv"
)

// Bounds of the simulation of one sender.
const (
	MaxSenderAddresses = 16 // addresses that messages are sent from
	MaxSenderDomains   = 16 // groups of MAIL FROM domains between which attribution makes a difference
)

// ExternalDomain is the recipient's domain of a simulated message to the internet: no tenant can own it (RFC 2606).
const ExternalDomain = "outside.invalid"

// TenantAttributions predicts what happens to the mail of each of a tenant's senders, in their order: with each of
// its MAIL FROM domains and the null sender, from each of its addresses (first and last of a network, at most
// MaxSenderAddresses). MAIL FROM domains that attribution does not distinguish are simulated once, at most
// MaxSenderDomains of them, and addresses with the same outcome are reported once. The recipient is outside the tenant
// if the sender relays to the internet, otherwise in the tenant's default domain.
//
// An entry is nil where nothing can be predicted: the sender's connector is missing or disabled, the tenant has no
// accepted domain, or the connector requires a certificate and the one that the sender presents is not known.
func (d *Directory) TenantAttributions(t *Tenant) [][]Attribution {
	simulator := newSenderSimulator(d, t)
	all := make([][]Attribution, len(t.Senders))
	for i := range t.Senders {
		all[i] = simulator.attributions(&t.Senders[i])
	}
	return all
}

// senderSimulator simulates the senders of one tenant. It remembers the groups of MAIL FROM domains: senders share
// lists of domains.
type senderSimulator struct {
	d          *Directory
	t          *Tenant
	connectors map[string]*InboundConnector
	domain     string // the tenant's default domain
	groups     map[domainList][]domainGroup
}

func newSenderSimulator(d *Directory, t *Tenant) *senderSimulator {
	return &senderSimulator{d: d, t: t, connectors: t.InboundByName(), domain: t.DefaultDomain()}
}

// attributions simulates one sender, see [Directory.TenantAttributions].
func (x *senderSimulator) attributions(s *Sender) []Attribution {
	c := x.connectors[s.Connector]
	switch {
	case c == nil, !c.IsEnabled(), x.domain == "":
		return nil
	case c.TLSSenderCertificateName != "" && s.ClientCertificate == nil:
		return nil
	}
	recipient := ExternalDomain
	if s.Relays == "internal" || c.Type == Partner {
		recipient = x.domain
	}
	m := InboundMessage{Certificate: s.ClientCertificate, TLS: true, RcptTo: recipient}
	if s.Assumed && c.TLSSenderCertificateName == "" {
		m.Certificate = nil // the certificate of an assumed sender is a guess, which must not raise an alarm
	}
	parsed := parseCertificate(m.Certificate)
	groups := x.groupsOf(s.MailFromDomains, recipient)
	all := make([]Attribution, 0, len(groups))
	for _, group := range groups {
		first := len(all)
		for _, address := range s.representatives() {
			m.Address, m.MailFrom = address, group.domain
			got := x.d.attribute(parseMessage(m, parsed))
			if !got.sameOutcomeAsOneOf(all[first:]) {
				got.AlsoFrom, got.AlsoFromMore = group.others, group.more
				all = append(all, got)
			}
		}
	}
	return all
}

// domainList identifies a list of MAIL FROM domains, by its place in memory, and a recipient's domain.
type domainList struct {
	first     *string
	n         int
	recipient string
}

// domainGroup is a set of MAIL FROM domains with the same outcome: the same tenants accept them, and the same sender
// domains of Partner connectors of the recipient's tenants cover them.
type domainGroup struct {
	domain string   // the first; "" is the null sender
	others []string // at most MaxAlsoFrom
	more   int
}

// groupsOf groups the domains, at most MaxSenderDomains groups in the order of their first domains, and adds the null
// sender.
func (x *senderSimulator) groupsOf(domains []string, recipient string) []domainGroup {
	nullSender := domainGroup{}
	switch len(domains) {
	case 0:
		return []domainGroup{nullSender}
	case 1:
		return []domainGroup{{domain: domains[0]}, nullSender}
	}
	key := domainList{&domains[0], len(domains), recipient}
	if known, ok := x.groups[key]; ok {
		return known
	}
	recipients := x.d.ownersOfMail(recipient)
	var groups []domainGroup
	index := map[string]int{}
	for _, domain := range domains {
		outcome := x.d.outcomeKey(domain, recipients)
		i, known := index[outcome]
		switch {
		case known && len(groups[i].others) < MaxAlsoFrom:
			groups[i].others = append(groups[i].others, domain)
		case known:
			groups[i].more++
		case len(groups) < MaxSenderDomains:
			index[outcome] = len(groups)
			groups = append(groups, domainGroup{domain: domain})
		}
	}
	groups = append(groups, nullSender)
	if x.groups == nil {
		x.groups = map[domainList][]domainGroup{}
	}
	x.groups[key] = groups
	return groups
}

// outcomeKey returns the same key for MAIL FROM domains between which attribution makes no difference.
func (d *Directory) outcomeKey(mailFrom string, recipients []int) string {
	if domain, ok := NormaliseDomain(mailFrom); ok {
		mailFrom = domain
	}
	var key []byte
	for _, owner := range d.ownersOfMail(mailFrom) {
		key = append(strconv.AppendInt(key, int64(owner), 10), ' ')
	}
	for _, tenant := range recipients {
		for _, pattern := range senderPatterns(mailFrom) {
			if len(d.partners[partnerDomain{tenant, pattern}]) == 0 {
				continue
			}
			if pattern == "*."+mailFrom { // that it covers this domain is less certain than for those below
				key = append(key, '=')
			}
			key = append(append(strconv.AppendInt(append(key, '/'), int64(tenant), 10), ' '), pattern...)
		}
	}
	return string(key)
}

// representatives returns the addresses that are simulated: the zero address if the sender has none.
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

// sameOutcomeAsOneOf compares outcomes, not their explanations.
func (a Attribution) sameOutcomeAsOneOf(others []Attribution) bool {
	return slices.ContainsFunc(others, func(o Attribution) bool {
		return a.Basis == o.Basis && a.Connector == o.Connector && a.Relay == o.Relay && a.Reply == o.Reply &&
			(a.Risk == "") == (o.Risk == "") && slices.Equal(a.Tenants, o.Tenants) && slices.Equal(a.Uncertain, o.Uncertain)
	})
}
