package mailflow

import "slices"

// parsedMessage is a message with normalised names and addresses.
type parsedMessage struct {
	InboundMessage
	parsedCertificate
}

// parsedCertificate is a client certificate with parsed names.
type parsedCertificate struct {
	domains certificateDomains
	keys    []nameKey // required names that it matches
	usable  bool      // there is a certificate, and it is not known to be invalid
}

func parseCertificate(c *ClientCertificate) parsedCertificate {
	domains := domainsOf(c)
	return parsedCertificate{domains: domains, keys: domains.keys(), usable: c != nil && c.Valid != No}
}

func parseMessage(m InboundMessage, c parsedCertificate) parsedMessage {
	m.Address = m.Address.Unmap().WithZone("")
	if name, ok := NormaliseDomain(m.MailFrom); ok {
		m.MailFrom = name
	}
	if name, ok := NormaliseDomain(m.RcptTo); ok {
		m.RcptTo = name
	}
	return parsedMessage{InboundMessage: m, parsedCertificate: c}
}

// match is a connector that a message matches, and the criterion. A connector with a name and addresses is assumed to
// match by either of them.
type match struct {
	place
	bits int8 // prefix length of the listed network that contains the address; 0: matches by certificate
}

func (m match) byName() bool { return m.bits == 0 }

// tenantMatches are the connectors of one tenant that match a message.
type tenantMatches struct {
	first []match  // at most maxMatches, those by certificate first
	more  bool     // more than maxMatches match
	names []string // the required names that match
}

// maxMatches bounds how many matching connectors of a tenant are considered.
const maxMatches = 16

// matchesOf finds the connectors of one tenant that match.
func (d *Directory) matchesOf(tenant int, m *parsedMessage) *tenantMatches {
	found := &tenantMatches{}
	found.first, found.more = d.find(m, maxMatches, func(places []place) []place { return inTenant(places, tenant) })
	if m.usable {
		for _, key := range m.keys {
			if len(inTenant(d.byName[key], tenant)) > 0 {
				found.names = append(found.names, key.name)
			}
		}
	}
	return found
}

// find returns at most limit matching connectors, in order, those by certificate first, and reports whether there are
// more. within selects the connectors to consider from a sorted list.
func (d *Directory) find(m *parsedMessage, limit int, within func([]place) []place) (found []match, more bool) {
	if m.usable {
		for _, key := range m.keys {
			for _, p := range atMost(limit+1, within(d.byName[key])) {
				found = append(found, match{place: p})
			}
		}
	}
	found = sortMatches(found)
	if len(found) > limit {
		return found[:limit], true
	}
	// At most limit connectors match by name too and are skipped here.
	var byAddress []match
	for network := range networksOf(m.Address) {
		for _, p := range atMost(2*limit+1, within(d.byNetwork[network])) {
			if !slices.ContainsFunc(found, func(other match) bool { return other.place == p }) {
				byAddress = append(byAddress, match{p, int8(network.Bits())}) //nolint:gosec // 24 to 32
			}
		}
	}
	found = append(found, sortMatches(byAddress)...)
	return found[:min(len(found), limit)], len(found) > limit
}

// sortMatches sorts by place and keeps the first match of each.
func sortMatches(all []match) []match {
	slices.SortStableFunc(all, func(a, b match) int { return a.compare(b.place) })
	return slices.CompactFunc(all, func(a, b match) bool { return a.place == b.place })
}

// atMost returns the first n items of a list.
func atMost[T any](n int, list []T) []T { return list[:min(n, len(list))] }

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
