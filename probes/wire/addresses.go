package wire

import (
	"net/netip"
	"slices"
	"strings"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// refusedAlways are ranges nobody's mail server can be in, beside those that netip has words for: 0/8 reaches the host itself on
// some systems (RFC 1122, section 3.2.1.3).
func refusedAlways(a netip.Addr) bool {
	return !a.IsValid() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() ||
		a.Is4() && (a.As4()[0] == 0 || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}))
}

// private is RFC 1918, RFC 4193 and the carriers' shared range (RFC 6598).
func private(a netip.Addr) bool {
	return a.IsPrivate() || netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10).Contains(a)
}

// allowed reports whether addr may be dialled for p. foreignDNS: the address was looked up in a DNS zone that is not the tenant's, so
// that it must not lead into a private network; addresses of connect_to were written by the administrator.
func (r *resolver) allowed(addr netip.Addr, p *probes.Path, foreignDNS bool) bool {
	foreignDNS = foreignDNS && len(p.Settings.ConnectTo) == 0
	return r.permits(addr, p.ConnectorType == mailflow.Partner || foreignDNS)
}

// permits reports whether addr may be dialled: it is in allow_networks, or it is a public address, or a private one and publicOnly is
// not demanded.
func (r *resolver) permits(addr netip.Addr, publicOnly bool) bool {
	addr = addr.Unmap().WithZone("")
	for _, prefix := range r.allow {
		if prefix.Contains(addr) {
			return true
		}
	}
	return !refusedAlways(addr) && (!publicOnly || !private(addr))
}

// literal reads a hop that needs no DNS: an address, bracketed or not, or a small range.
func literal(hop string) ([]netip.Addr, bool) {
	hop = strings.TrimSpace(hop)
	if prefix, err := netip.ParsePrefix(hop); err == nil {
		return rangeAddrs(prefix.Masked()), true
	}
	if inner, ok := strings.CutPrefix(hop, "["); ok && strings.HasSuffix(inner, "]") {
		hop = strings.TrimSuffix(inner, "]")
		if len(hop) > 5 && strings.EqualFold(hop[:5], "ipv6:") { // RFC 5321, section 4.1.3
			hop = hop[5:]
		}
	}
	if addr, err := netip.ParseAddr(hop); err == nil {
		return []netip.Addr{addr.Unmap()}, true
	}
	return nil, false
}

// bareHost is a hop as a host label: an address in brackets without them.
func bareHost(hop string) string {
	if strings.HasPrefix(hop, "[") {
		if addrs, ok := literal(hop); ok && len(addrs) == 1 {
			return addrs[0].String()
		}
	}
	return hop
}

func rangeAddrs(prefix netip.Prefix) []netip.Addr {
	var all []netip.Addr
	for a := prefix.Addr(); prefix.Contains(a) && len(all) < probes.MaxEndpoints; a = a.Next() {
		all = append(all, a.Unmap())
	}
	return all
}

// ofFamily keeps the addresses that ip_protocol allows.
func ofFamily(addrs []netip.Addr, protocol probes.IPProtocol) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool {
		return protocol == probes.IP4 && !a.Is4() || protocol == probes.IP6 && a.Is4()
	})
}

func sortAddrs(addrs []netip.Addr) []netip.Addr {
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}

// limit keeps MaxEndpoints endpoints: every host gets one before any gets a second. It returns how many there were.
func limit(targets []target) (kept []target, total int) {
	for _, t := range targets {
		total += max(1, len(t.Addrs))
	}
	kept = targets[:min(len(targets), probes.MaxEndpoints)]
	room := probes.MaxEndpoints - len(kept)
	quota := make([]int, len(kept))
	for gave := true; gave && room > 0; {
		gave = false
		for i := range kept {
			if room > 0 && quota[i]+1 < len(kept[i].Addrs) {
				quota[i]++
				room--
				gave = true
			}
		}
	}
	for i := range kept {
		kept[i].Addrs = kept[i].Addrs[:min(len(kept[i].Addrs), quota[i]+1)]
	}
	return kept, total
}
