package mailflow

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// Directory finds the tenants and connectors that an arrival concerns, among thousands, without looking at the others. It keeps
// pointers into the tenants it was made of: they must not change. It is safe for concurrent use.
type Directory struct {
	tenants   []tenantEntry
	byDomain  map[string][]int    // accepted domain to tenants, at most maxOwners
	byName    map[string][]place  // name that a connector asks for ("*.contoso.com" and "*" too)
	byAddress map[[3]byte][]place // block of 256 addresses to the connectors that list some of them
}

// maxOwners bounds how many tenants are looked at for one accepted domain. A domain has one owner: more are a mistake, seen from two.
const maxOwners = 64

// place is where a connector stands: tenants[tenant].connectors[connector].
type place struct{ tenant, connector int }

// tenantEntry is a tenant as far as attribution needs it.
type tenantEntry struct {
	name       string
	domains    DomainIndex
	connectors []connectorEntry    // enabled, OnPremises
	partners   []*InboundConnector // enabled, Partner
}

// connectorEntry is an enabled OnPremises connector, with its values parsed.
type connectorEntry struct {
	*InboundConnector
	wanted wanted
	ranges []Range // those that Exchange Online takes
}

// NewDirectory indexes tenants.
func NewDirectory(tenants []Tenant) *Directory {
	d := &Directory{
		tenants:  make([]tenantEntry, len(tenants)),
		byDomain: make(map[string][]int, len(tenants)), byName: make(map[string][]place, len(tenants)), byAddress: make(map[[3]byte][]place),
	}
	for i := range tenants {
		t := &tenants[i]
		e := &d.tenants[i]
		e.name, e.domains = t.Name, NewDomainIndex(t.AcceptedDomains)
		for name := range e.domains.domains {
			if len(d.byDomain[name]) < maxOwners {
				d.byDomain[name] = append(d.byDomain[name], i)
			}
		}
		for j := range t.Inbound {
			d.add(i, &t.Inbound[j])
		}
	}
	return d
}

func (d *Directory) add(tenant int, c *InboundConnector) {
	e := &d.tenants[tenant]
	switch {
	case !c.IsEnabled():
	case c.Type == Partner:
		e.partners = append(e.partners, c)
	case c.Type == OnPremises:
		entry := connectorEntry{InboundConnector: c, wanted: wantedName(c.TLSSenderCertificateName)}
		at := place{tenant, len(e.connectors)}
		if name := entry.wanted.name; name != "" {
			d.byName[name] = append(d.byName[name], at)
		}
		entry.ranges = c.networks()
		for _, r := range entry.ranges {
			block := blockOf(r.First) // at most 256 addresses, and a network: one block
			if here := d.byAddress[block]; len(here) == 0 || here[len(here)-1] != at {
				d.byAddress[block] = append(here, at)
			}
		}
		e.connectors = append(e.connectors, entry)
	}
}

func blockOf(a netip.Addr) [3]byte {
	b := a.As4()
	return [3]byte(b[:3])
}

// caller is an arrival, read.
type caller struct {
	InboundMessage
	names  certNames
	usable bool            // the certificate may count
	found  map[int][]match // by tenant, as far as asked
}

func newCaller(a InboundMessage) caller {
	a.Address = a.Address.Unmap().WithZone("")
	if name, ok := NormaliseDomain(a.MailFrom); ok {
		a.MailFrom = name
	}
	if name, ok := NormaliseDomain(a.RcptTo); ok {
		a.RcptTo = name
	}
	return caller{InboundMessage: a, names: namesOf(a.Certificate), usable: a.Certificate != nil && a.Certificate.Valid != No}
}

// match is a connector that an arrival matches, and by what.
type match struct {
	place
	name    NameMatch // Matched: by certificate
	address Range     // else: by this range
}

// at tells by what the connector matches. A connector with both a name and addresses is taken to match by either.
func (d *Directory) at(p place, c *caller) (match, bool) {
	e := &d.tenants[p.tenant].connectors[p.connector]
	m := match{place: p}
	if c.usable && e.wanted.value != "" {
		if m.name = e.wanted.match(c.names); m.name.Matched {
			return m, true
		}
	}
	m.name = NameMatch{}
	for _, r := range e.ranges {
		if r.Contains(c.Address) {
			m.address = r
			return m, true
		}
	}
	return m, false
}

// of lists the connectors of one tenant that match: those by certificate first.
func (d *Directory) of(tenant int, c *caller) []match {
	found, known := c.found[tenant]
	if known {
		return found
	}
	for i := range d.tenants[tenant].connectors {
		if m, ok := d.at(place{tenant, i}, c); ok {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return toInt(b.name.Matched) - toInt(a.name.Matched) })
	if c.found == nil {
		c.found = map[int][]match{}
	}
	c.found[tenant] = found
	return found
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// matchingConnectors yields the connectors of all tenants that match: those by certificate first, each once.
func (d *Directory) matchingConnectors(c *caller) iter.Seq[match] {
	return func(yield func(match) bool) {
		if c.usable {
			for _, key := range c.names.keys() {
				for _, p := range d.byName[key] {
					if m, ok := d.at(p, c); ok && m.name.Matched && !yield(m) {
						return
					}
				}
			}
		}
		if !c.Address.Is4() {
			return
		}
		for _, p := range d.byAddress[blockOf(c.Address)] {
			if m, ok := d.at(p, c); ok && !m.name.Matched && !yield(m) {
				return
			}
		}
	}
}

// keys are the values of TlsSenderCertificateName that some name could match: itself and the wildcards of the domains above it.
func (n certNames) keys() []string {
	var keys []string
	for _, name := range n.all {
		keys = append(keys, name)
		base, _ := strings.CutPrefix(name, "*.")
		for up := base; up != ""; up = parent(up) {
			keys = append(keys, "*."+up)
		}
	}
	if len(keys) > 0 {
		keys = append(keys, "*")
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// owners lists the tenants that accept one of the names or a domain above one, in order.
func (d *Directory) owners(names ...string) []int {
	var found []int
	for _, name := range names {
		base, _ := strings.CutPrefix(name, "*.")
		for up := base; up != ""; up = parent(up) {
			found = append(found, d.byDomain[up]...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// ownersOfMail lists the tenants whose mail domain this is.
func (d *Directory) ownersOfMail(domain string) []int {
	return slices.DeleteFunc(d.owners(domain), func(i int) bool {
		_, ok := d.tenants[i].domains.Match(domain)
		return !ok
	})
}
