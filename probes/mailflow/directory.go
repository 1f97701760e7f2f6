package mailflow

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// Directory indexes tenants, so that the cost of attributing a message does not grow with the number of tenants and
// connectors. It keeps pointers into the tenants that it was made from, which must not change. It is safe for
// concurrent use.
type Directory struct {
	tenants   []tenantEntry
	byDomain  map[string][]int         // accepted domain → tenants, at most maxOwners
	byName    map[nameKey][]place      // what connectors require of a certificate → those connectors, in order
	tlsByName map[nameKey]place        // the first of them that requires TLS
	byNetwork map[netip.Prefix][]place // network that connectors list → those connectors, in order
	partners  map[partnerDomain][]int  // sender domain of a tenant's Partner connectors → those connectors, in order
}

// maxOwners bounds how many tenants are considered for one accepted domain. A domain has one tenant in Exchange
// Online; two in the configuration are a mistake.
const maxOwners = 64

// place identifies a connector: tenants[tenant].connectors[connector].
type place struct{ tenant, connector int32 }

func placeOf(tenant, connector int) place {
	return place{int32(tenant), int32(connector)} //nolint:gosec // fewer than 2^31
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.tenant, q.tenant), cmp.Compare(p.connector, q.connector))
}

// tenantEntry is the part of a tenant that attribution needs.
type tenantEntry struct {
	name       string
	domains    DomainIndex
	connectors []connectorEntry // enabled, OnPremises
	partners   []partnerEntry   // enabled, Partner

	rejectDirectSend Tri
}

// connectorEntry is an enabled OnPremises connector with its certificate name parsed.
type connectorEntry struct {
	*InboundConnector
	required requiredName
}

// partnerEntry is an enabled Partner connector with its values parsed.
type partnerEntry struct {
	*InboundConnector
	required requiredName
	networks map[netip.Prefix]bool // only where it restricts by address
}

// partnerDomain is a sender domain of a tenant's Partner connectors: "contoso.com", "*.contoso.com" or "*".
type partnerDomain struct {
	tenant int
	domain string
}

// NewDirectory indexes tenants.
func NewDirectory(tenants []Tenant) *Directory {
	d := &Directory{
		tenants:  make([]tenantEntry, len(tenants)),
		byDomain: make(map[string][]int, len(tenants)), byName: make(map[nameKey][]place, len(tenants)),
		tlsByName: map[nameKey]place{}, byNetwork: map[netip.Prefix][]place{}, partners: map[partnerDomain][]int{},
	}
	for i := range tenants {
		t := &tenants[i]
		e := &d.tenants[i]
		e.name, e.domains = t.Name, NewDomainIndex(t.AcceptedDomains)
		e.rejectDirectSend = t.Organization.RejectDirectSend
		for name := range e.domains.domains {
			if len(d.byDomain[name]) < maxOwners {
				d.byDomain[name] = append(d.byDomain[name], i)
			}
		}
		for j := range t.Inbound {
			c := &t.Inbound[j]
			switch {
			case !c.IsEnabled():
			case c.Type == Partner:
				d.addPartner(i, c)
			case c.Type == OnPremises:
				d.addOnPremises(i, c)
			}
		}
	}
	return d
}

func (d *Directory) addOnPremises(tenant int, c *InboundConnector) {
	e := &d.tenants[tenant]
	entry := connectorEntry{InboundConnector: c, required: parseRequiredName(c.TLSSenderCertificateName)}
	at := placeOf(tenant, len(e.connectors))
	if name := entry.required.key(); name.name != "" {
		d.byName[name] = append(d.byName[name], at)
		if _, known := d.tlsByName[name]; c.RequireTLS == Yes && !known {
			d.tlsByName[name] = at
		}
	}
	for _, network := range c.networks() {
		if here := d.byNetwork[network]; len(here) == 0 || here[len(here)-1] != at {
			d.byNetwork[network] = append(here, at)
		}
	}
	e.connectors = append(e.connectors, entry)
}

func (d *Directory) addPartner(tenant int, c *InboundConnector) {
	e := &d.tenants[tenant]
	entry := partnerEntry{InboundConnector: c, required: parseRequiredName(c.TLSSenderCertificateName)}
	if c.RestrictDomainsToIPAddresses == Yes {
		entry.networks = map[netip.Prefix]bool{}
		for _, network := range c.networks() {
			entry.networks[network] = true
		}
	}
	for _, text := range c.SenderDomains {
		domain, ok := NormaliseDomain(text)
		key := partnerDomain{tenant, domain}
		if here := d.partners[key]; ok && (len(here) == 0 || here[len(here)-1] != len(e.partners)) {
			d.partners[key] = append(here, len(e.partners))
		}
	}
	e.partners = append(e.partners, entry)
}

// networksOf yields the networks that Exchange Online accepts on a connector (/32 to /24) and that contain the
// address, narrowest first.
func networksOf(address netip.Addr) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for bits := 32; bits >= widestNetwork && address.Is4(); bits-- {
			if network, _ := address.Prefix(bits); !yield(network) {
				return
			}
		}
	}
}

// inTenant returns the places of one tenant in a sorted list.
func inTenant(places []place, tenant int) []place {
	from, _ := slices.BinarySearchFunc(places, placeOf(tenant, 0), place.compare)
	to, _ := slices.BinarySearchFunc(places, placeOf(tenant+1, 0), place.compare)
	return places[from:to]
}

// inOtherTenant returns the first place in a sorted list that is not of the tenant.
func inOtherTenant(places []place, tenant int) (place, bool) {
	if len(places) > 0 && int(places[0].tenant) == tenant {
		places = places[len(inTenant(places, tenant)):]
	}
	if len(places) == 0 {
		return place{}, false
	}
	return places[0], true
}

// owners lists the tenants that accept one of the names or a domain above one, in order.
func (d *Directory) owners(names ...string) []int {
	var found []int
	for _, name := range names {
		for domain := range withParents(strings.TrimPrefix(name, "*.")) {
			found = append(found, d.byDomain[domain]...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// ownersOfMail lists the tenants that accept mail for a domain.
func (d *Directory) ownersOfMail(domain string) []int {
	return slices.DeleteFunc(d.owners(domain), func(i int) bool {
		_, ok := d.tenants[i].domains.Match(domain)
		return !ok
	})
}
