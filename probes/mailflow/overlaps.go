package mailflow

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Overlaps lists what the senders and enabled OnPremises connectors of one tenant have in common with those of others (MC1226222),
// told from each side, in the order kind, tenant, connector, sender, value. A tenant never overlaps with itself. Addresses that
// Exchange Online does not take on a connector are left out.
//
// Everything that is compared becomes a string that covers the strings it is a prefix of: the bits of a network, the labels of a domain
// in reverse. The strings form a tree, and a set of tenants per node counts them: n strings take n log n, however many overlap.
func Overlaps(tenants []Tenant) []Overlap {
	byKind := map[OverlapKind][]usage{}
	for i := range tenants {
		collect(&tenants[i], func(kind OverlapKind, key string, covers bool, o OverlapPeer) {
			byKind[kind] = append(byKind[kind], usage{key: key, covers: covers, tenant: i, OverlapPeer: o})
		})
	}
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

// collect offers everything of a tenant that others may have too.
func collect(t *Tenant, offer func(kind OverlapKind, key string, covers bool, o OverlapPeer)) {
	enabled := make(map[string]bool, len(t.Inbound))
	for i := range t.Inbound {
		c := &t.Inbound[i]
		if !c.IsEnabled() || c.Type != OnPremises {
			continue
		}
		enabled[c.Name] = true
		o := OverlapPeer{Tenant: t.Name, Connector: c.Name}
		for _, network := range c.networks() {
			r := RangeOf(network)
			o.Value = r.String()
			offer(OverlapAddress, r.bits(), true, o)
		}
		if w := wantedName(c.TLSSenderCertificateName); w.name != "" {
			o.Value = w.value
			offer(OverlapCertificateName, reverseLabels(w), strings.HasPrefix(w.name, "*"), o)
		}
	}
	for i := range t.Senders {
		if s := &t.Senders[i]; enabled[s.Connector] {
			collectSender(t.Name, s, offer)
		}
	}
}

func collectSender(tenant string, s *Sender, offer func(kind OverlapKind, key string, covers bool, o OverlapPeer)) {
	o := OverlapPeer{Tenant: tenant, Connector: s.Connector, Sender: s.Name}
	if !s.Assumed { // else they are the connector's own
		for _, p := range s.Addresses {
			if r := RangeOf(p); r.First.IsValid() {
				o.Value = r.String()
				offer(OverlapAddress, r.bits(), true, o)
			}
		}
	}
	if s.ClientCertificate != nil && s.ClientCertificate.Fingerprint != "" {
		o.Value = s.ClientCertificate.Fingerprint
		offer(OverlapFingerprint, o.Value, false, o)
	}
	if s.Organization != "" && s.SendConnector != "" {
		o.Value = s.Organization + "/" + s.SendConnector
		offer(OverlapSendConnector, strings.ToLower(s.Organization+"\x00"+s.SendConnector), false, o) // Exchange's names have no case
	}
}

// networks are the SenderIPAddresses that Exchange Online takes, each of at most 256 addresses.
func (c *InboundConnector) networks() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range c.SenderIPAddresses {
		r, problem := ParseRange(text)
		if network, ok := r.network(); ok && problem == "" { // "first-last" is a form of EFSkipIPs
			all = append(all, network)
		}
	}
	return all
}

// bits writes a network as the bits that its addresses have in common, after the family.
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

// reverseLabels writes the labels of a name in reverse, each followed by a dot: "com.contoso." for contoso.com and *.contoso.com.
func reverseLabels(w wanted) string {
	if w.name == "*" {
		return ""
	}
	labels := strings.Split(strings.TrimPrefix(w.name, "*."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}
