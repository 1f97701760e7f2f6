package mailflow

import (
	"slices"
	"strings"
)

// parsedMessage is a message whose names and addresses are normalised.
type parsedMessage struct {
	InboundMessage
	parsedCertificate
}

// parsedCertificate is a client certificate with its names parsed.
type parsedCertificate struct {
	names  certNames
	keys   []requiredName // what a connector may require that this certificate matches
	usable bool           // the certificate may count
}

func parseCertificate(c *ClientCertificate) parsedCertificate {
	names := namesOf(c)
	return parsedCertificate{names: names, keys: names.keys(), usable: c != nil && c.Valid != No}
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

// requiredName is a TlsSenderCertificateName in the form that is looked up.
type requiredName struct {
	name    string
	subject bool // the form <I>issuer<S>subject, which is compared with the CN only
}

func (w wanted) key() requiredName { return requiredName{w.name, w.subject} }

// keys are the required names that some name of the certificate matches: itself, the wildcards of the domains above it, and "*".
func (n certNames) keys() []requiredName {
	var keys []requiredName
	add := func(name string, subject bool) {
		keys = append(keys, requiredName{name, subject}, requiredName{"*", subject})
		base, _ := strings.CutPrefix(name, "*.")
		for up := base; up != ""; up = parent(up) {
			keys = append(keys, requiredName{"*." + up, subject})
		}
	}
	for _, name := range n.all {
		add(name, false)
	}
	if n.cn != "" {
		add(n.cn, true)
	}
	slices.SortFunc(keys, requiredName.compare)
	return slices.Compact(keys)
}

func (n requiredName) compare(o requiredName) int {
	if c := strings.Compare(n.name, o.name); c != 0 {
		return c
	}
	return toInt(n.subject) - toInt(o.subject)
}

// match is a connector that a message matches, and the criterion. A connector with a name and addresses is taken to match by either.
type match struct {
	place
	bits int8 // of the listed network that holds the address; 0: matches by certificate
}

func (m match) byName() bool { return m.bits == 0 }

// tenantMatches are the connectors of one tenant that match a message.
type tenantMatches struct {
	first []match  // those by certificate first, at most maxMatches
	more  bool     // there are others
	names []string // the required names of those that match by certificate
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

// find returns at most limit matching connectors, in order, those by certificate first, and reports whether there are more. Only the
// connectors that within keeps of a list are considered.
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
	// A connector that also matches by name is skipped here. There are at most limit of them.
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

func atMost[T any](n int, list []T) []T { return list[:min(n, len(list))] }
