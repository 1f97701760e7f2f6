package mailflow

import (
	"fmt"
	"slices"
)

// Attribute predicts which tenant Exchange Online attributes a message to. For many messages, make a [Directory] once.
func Attribute(tenants []Tenant, m InboundMessage) Attribution {
	return NewDirectory(tenants).Attribute(m)
}

// Refusals, as Exchange Online words them.
const (
	replyRelay       = "550 5.7.64 TenantAttribution; Relay Access Denied"
	replyNotAccepted = "550 5.7.64 TenantAttribution; Relay Access Denied ATTR36"
	replyPartner     = "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the " +
		"message's recipient domain"
	replyTLS       = "454 4.7.0 Failed to establish appropriate TLS channel: Access Denied"
	replyUntrusted = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
)

// Attribute predicts which tenant Exchange Online attributes a message to, by which of the tenant's connectors, and
// whether the tenant relays it. Only the tenants of the directory are known: what others have configured may change
// the answer.
func (d *Directory) Attribute(m InboundMessage) Attribution {
	return d.attribute(parseMessage(m, parseCertificate(m.Certificate)))
}

func (d *Directory) attribute(m parsedMessage) Attribution {
	s := &simulation{d: d, m: m, found: map[int]*tenantMatches{}}
	s.out = Attribution{Message: m.InboundMessage, Basis: BasisNone, Trace: make([]string, 0, 8)}
	s.collect()
	switch {
	case s.byCertificate():
	case s.byMailFrom():
	default:
		s.byRcptTo()
	}
	s.conclude()
	return s.out
}

// simulation is one attribution in progress.
type simulation struct {
	d        *Directory
	m        parsedMessage
	out      Attribution
	found    map[int]*tenantMatches // by tenant, found when they are needed
	anyMatch bool                   // a connector of any tenant matched
	tenants  []int                  // those that qualify by the basis
	matches  tenantMatches          // of the tenant, if exactly one qualifies
	relation Relation               // of the certificate, if that is the basis
}

func (s *simulation) trace(format string, args ...any) {
	switch n := len(s.out.Trace); {
	case n < MaxTrace-1:
		s.out.Trace = append(s.out.Trace, fmt.Sprintf(format, args...))
	case n == MaxTrace-1:
		s.out.Trace = append(s.out.Trace, "further steps are omitted")
	}
}

// uncertain records an undocumented rule that the result depends on.
func (s *simulation) uncertain(why string) {
	if why != "" && !slices.Contains(s.out.Uncertain, why) {
		s.out.Uncertain = append(s.out.Uncertain, why)
	}
}

// maxTraced bounds how many matching connectors a trace names.
const maxTraced = 8

// collect traces the certificate and the connectors of all tenants that match.
func (s *simulation) collect() {
	s.traceCertificate()
	matches, more := s.d.find(&s.m, maxTraced, func(places []place) []place { return places })
	for _, m := range matches {
		s.traceMatch(m)
	}
	if more {
		s.trace("more connectors match")
	}
	if s.anyMatch = len(matches) > 0; !s.anyMatch {
		s.traceNoMatch()
	}
}

func (s *simulation) traceNoMatch() {
	if !s.m.Address.IsValid() {
		s.trace("no enabled OnPremises connector matches the certificate; the address is unknown")
		return
	}
	s.trace("no enabled OnPremises connector matches the certificate or %s", s.address())
}

func (s *simulation) traceCertificate() {
	p := s.m.Certificate
	if p == nil {
		s.trace("no client certificate is presented")
		return
	}
	names := list(s.m.domains.all)
	if names == "" {
		names = "no domain"
	}
	from := ""
	if p.Source != "" {
		from = " (" + p.Source + ")"
	}
	switch p.Valid {
	case No:
		s.trace("the client certificate%s for %s is not valid: it is ignored", from, names)
	case Yes:
		s.trace("the client certificate%s is for %s", from, names)
	default:
		s.trace("the client certificate%s is for %s; its validity is not known and taken as given", from, names)
	}
}

func (s *simulation) traceMatch(m match) {
	c, tenant := s.connector(m.place), s.d.tenants[m.tenant].name
	if m.byName() {
		s.trace("connector %q of %s matches by certificate: %s", c.Name, tenant, c.required.match(s.m.domains).Rule)
		return
	}
	s.trace("connector %q of %s matches by address: %s is in %s", c.Name, tenant, s.address(), s.network(m))
}

// network returns the listed network by which a connector matches.
func (s *simulation) network(m match) Range {
	network, _ := s.m.Address.Prefix(int(m.bits))
	return RangeOf(network)
}

func (s *simulation) connector(p place) *connectorEntry {
	return &s.d.tenants[p.tenant].connectors[p.connector]
}

func (s *simulation) address() string {
	if !s.m.Address.IsValid() {
		return "an unknown address"
	}
	return s.m.Address.String()
}

// matchesOf returns the matching connectors of one tenant.
func (s *simulation) matchesOf(tenant int) *tenantMatches {
	found := s.found[tenant]
	if found == nil {
		found = s.d.matchesOf(tenant, &s.m)
		s.found[tenant] = found
	}
	return found
}

// byCertificate applies the first criterion: the certificate contains a domain that a tenant accepts, and a connector
// of that tenant matches. Documented relations take precedence over undocumented ones.
func (s *simulation) byCertificate() bool {
	if !s.m.usable {
		return false
	}
	best := map[int]Relation{}
	documented := false
	for _, t := range s.d.owners(s.m.domains.all...) {
		matches := s.matchesOf(t)
		r := s.relationTo(t, matches)
		switch {
		case r.rank() == 0:
			continue
		case len(matches.first) == 0:
			s.trace("%s, of %s; none of its connectors matches", r.Rule, s.d.tenants[t].name)
			s.uncertain("whether a certificate's domain attributes to a tenant without a connector that matches is not " +
				"documented")
			continue
		}
		best[t] = r
		documented = documented || r.isDocumented()
	}
	for t, r := range best {
		if r.isDocumented() == documented {
			s.tenants = append(s.tenants, t)
		}
	}
	if len(s.tenants) == 0 {
		s.trace("by certificate: no tenant with a matching connector accepts a domain of the certificate")
		return false
	}
	slices.Sort(s.tenants)
	s.settle(BasisCertificate)
	for _, t := range s.tenants {
		s.relation = best[t]
		s.trace("by certificate: %s, of %s", best[t].Rule, s.d.tenants[t].name)
		if len(s.tenants) > 1 {
			s.uncertain(best[t].Uncertain)
		}
	}
	return true
}

// relationTo returns the best relation to a tenant's accepted domains among the names of the certificate and the
// names that the tenant's matching connectors require: "*.contoso.com" matches mail1.contoso.com (KB 3169958).
func (s *simulation) relationTo(tenant int, matches *tenantMatches) Relation {
	best := Relation{Match: RelationNone}
	for _, name := range append(slices.Clip(s.m.domains.all), matches.names...) {
		if r := s.d.tenants[tenant].domains.Relation(name); r.rank() > best.rank() {
			best = r
		}
	}
	return best
}

// byMailFrom applies the second criterion: a tenant accepts the MAIL FROM domain, and a connector of that tenant
// matches.
func (s *simulation) byMailFrom() bool {
	if s.m.MailFrom == "" {
		s.trace("by MAIL FROM: the null sender has no domain")
		return false
	}
	owners := s.d.ownersOfMail(s.m.MailFrom)
	for _, t := range owners {
		name := s.d.tenants[t].name
		if len(s.matchesOf(t).first) == 0 {
			s.trace("by MAIL FROM: %s accepts %s, but none of its connectors matches", name, s.m.MailFrom)
			continue
		}
		s.trace("by MAIL FROM: %s accepts %s, and one of its connectors matches", name, s.m.MailFrom)
		s.tenants = append(s.tenants, t)
	}
	if len(owners) == 0 {
		s.trace("by MAIL FROM: no configured tenant accepts %s", s.m.MailFrom)
	}
	if len(s.tenants) == 0 {
		return false
	}
	s.settle(BasisMailFrom)
	return true
}

// byRcptTo applies the last criterion, by which mail from the internet is attributed: a tenant accepts the
// recipient's domain.
func (s *simulation) byRcptTo() {
	s.tenants = s.d.ownersOfMail(s.m.RcptTo)
	for _, t := range s.tenants {
		s.trace("by RCPT TO: %s accepts %s", s.d.tenants[t].name, s.m.RcptTo)
	}
	if len(s.tenants) == 0 {
		s.trace("by RCPT TO: no configured tenant accepts %q", s.m.RcptTo)
		return
	}
	s.settle(BasisRcptTo)
}

// settle records the basis and the tenants that qualify by it.
func (s *simulation) settle(basis AttributionBasis) {
	s.out.Basis = basis
	for _, t := range s.tenants {
		s.out.Tenants = append(s.out.Tenants, s.d.tenants[t].name)
	}
	if len(s.tenants) == 1 {
		s.matches = *s.matchesOf(s.tenants[0])
	}
}
