package mailflow

import (
	"cmp"
	"slices"
	"strings"
)

// OverlapKind is what two tenants share.
type OverlapKind string

// What is compared.
const (
	OverlapAddress         OverlapKind = "address"          // overlapping sender addresses
	OverlapFingerprint     OverlapKind = "fingerprint"      // the same certificate
	OverlapCertificateName OverlapKind = "certificate_name" // one TlsSenderCertificateName covers the other
	OverlapSendConnector   OverlapKind = "send_connector"   // the same on-premises send connector
)

// Overlap is something of one tenant that other tenants use too. Each side has an Overlap of its own.
type Overlap struct {
	Kind      OverlapKind
	Tenant    string
	Connector string // inbound; "" for a send connector that no sender of this tenant connects to one
	Sender    string // "" if it is the connector's own value
	Value     string // the prefix, fingerprint, name or "organization/send connector" of this side
	Others    []OverlapPeer
	Count     int // of other tenants; Others may list fewer
}

// OverlapPeer is the other side of an overlap.
type OverlapPeer struct{ Tenant, Connector, Sender, Value string }

// MaxOthers bounds how many other sides an Overlap lists.
const MaxOthers = 16

// Overlaps lists what the senders and enabled OnPremises connectors of one tenant share with those of others
// (MC1226222), from each side, in the order kind, tenant, connector, sender, value. A tenant never overlaps with
// itself. Addresses that Exchange Online does not accept on a connector are omitted, and so are certificate names that
// are too broad: they match the names of every tenant, and the fault is on one side only. An address from which two
// tenants' senders present a certificate each is not shared: see byCertificate.
//
// Everything that is compared becomes a string that covers the strings it is a prefix of: the bits of a network, the
// labels of a domain in reverse. The strings form a tree, and a set of tenants per node counts them: n strings take n
// log n, however many overlap.
func Overlaps(tenants []Tenant) []Overlap {
	byKind := map[OverlapKind][]usage{}
	for i := range tenants {
		collectUsages(&tenants[i], func(kind OverlapKind, key string, covers bool, o OverlapPeer) {
			byKind[kind] = append(byKind[kind], usage{key: key, covers: covers, tenant: i, OverlapPeer: o})
		})
	}
	addresses := byKind[OverlapAddress]
	byKind[OverlapAddress] = append(addresses, usedByAddress(byKind[byCertificate], addresses)...)
	uses := make([]int, len(tenants))
	var all []Overlap
	for _, kind := range []OverlapKind{OverlapAddress, OverlapFingerprint, OverlapCertificateName, OverlapSendConnector} {
		walk := overlapWalk{kind: kind, uses: uses}
		walk.visit(build(byKind[kind]))
		slices.SortStableFunc(walk.found, func(a, b Overlap) int {
			return cmp.Or(strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.Connector, b.Connector),
				strings.Compare(a.Sender, b.Sender), strings.Compare(a.Value, b.Value))
		})
		all = append(all, walk.found...)
	}
	return all
}

// collectUsages adds everything of a tenant that others may use too.
func collectUsages(t *Tenant, add func(kind OverlapKind, key string, covers bool, o OverlapPeer)) {
	enabled, domains := make(map[string]bool, len(t.Inbound)), NewDomainIndex(t.AcceptedDomains)
	addressKind := make(map[string]OverlapKind, len(t.Inbound))
	for i := range t.Inbound {
		c := &t.Inbound[i]
		if !c.IsEnabled() || c.Type != OnPremises {
			continue
		}
		enabled[c.Name], addressKind[c.Name] = true, OverlapAddress
		if c.TLSSenderCertificateName != "" {
			addressKind[c.Name] = byCertificate
		}
		o := OverlapPeer{Tenant: t.Name, Connector: c.Name}
		for _, network := range c.networks() {
			r := RangeOf(network)
			o.Value = r.String()
			add(OverlapAddress, r.bits(), true, o)
		}
		_, broad := domains.TooBroad(c.TLSSenderCertificateName)
		if required := parseRequiredName(c.TLSSenderCertificateName); required.name != "" && !broad {
			o.Value = required.value
			add(OverlapCertificateName, reverseLabels(required.name), strings.HasPrefix(required.name, "*"), o)
		}
	}
	for i := range t.Senders {
		if s := &t.Senders[i]; enabled[s.Connector] {
			collectSender(t.Name, s, addressKind[s.Connector], add)
		}
	}
}

func collectSender(
	tenant string, s *Sender, address OverlapKind, add func(kind OverlapKind, key string, covers bool, o OverlapPeer),
) {
	o := OverlapPeer{Tenant: tenant, Connector: s.Connector, Sender: s.Name}
	if !s.Assumed { // the addresses of an assumed sender are the connector's
		for _, p := range s.Addresses {
			if r := RangeOf(p); r.First.IsValid() {
				o.Value = r.String()
				add(address, r.bits(), true, o)
			}
		}
	}
	if s.ClientCertificate != nil && s.ClientCertificate.Fingerprint != "" {
		o.Value = s.ClientCertificate.Fingerprint
		add(OverlapFingerprint, o.Value, false, o)
	}
	if s.Organization != "" && s.SendConnector != "" {
		o.Value = s.Organization + "/" + s.SendConnector
		key := strings.ToLower(s.Organization + "\x00" + s.SendConnector) // Exchange compares names without case
		add(OverlapSendConnector, key, false, o)
	}
}

// bits writes the leading bits that all addresses of a network share, after a byte for the family.
func (r Range) bits() string {
	first, n := r.First.As16(), r.common()
	skip := 128 - r.First.BitLen()
	text := make([]byte, 1+n)
	text[0] = byte(skip) //nolint:gosec // 0 or 96
	for i := range n {
		bit := skip + i
		text[1+i] = '0' + first[bit/8]>>(7-bit%8)&1
	}
	return string(text)
}

// reverseLabels writes the labels of a name in reverse, each followed by a dot: "com.contoso." for contoso.com and
// *.contoso.com.
func reverseLabels(name string) string {
	if name == "*" {
		return ""
	}
	labels := strings.Split(strings.TrimPrefix(name, "*."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}
