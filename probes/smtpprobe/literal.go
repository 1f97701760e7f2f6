package smtpprobe

import (
	"net/netip"
	"slices"
	"strings"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dnsclient"
)

// parseLiteral reads a next hop that needs no DNS: an address, with or without brackets (RFC 5321, section 4.1.3), or
// a CIDR range, of which it returns at most probes.MaxEndpoints addresses.
func parseLiteral(hop string) ([]netip.Addr, bool) {
	hop = strings.TrimSpace(hop)
	if prefix, err := netip.ParsePrefix(hop); err == nil {
		return addressesIn(prefix.Masked()), true
	}
	if inner, ok := strings.CutPrefix(hop, "["); ok && strings.HasSuffix(inner, "]") {
		hop = strings.TrimSuffix(inner, "]")
		if len(hop) > 5 && strings.EqualFold(hop[:5], "ipv6:") {
			hop = hop[5:]
		}
	}
	if addr, err := netip.ParseAddr(hop); err == nil {
		return []netip.Addr{addr.Unmap()}, true
	}
	return nil, false
}

func addressesIn(prefix netip.Prefix) []netip.Addr {
	var all []netip.Addr
	for a := prefix.Addr(); prefix.Contains(a) && len(all) < probes.MaxEndpoints; a = a.Next() {
		all = append(all, a.Unmap())
	}
	return all
}

// hostLabel returns a next hop as the metric label "host" shows it: an address without its brackets.
func hostLabel(hop string) string {
	if strings.HasPrefix(hop, "[") {
		if addrs, ok := parseLiteral(hop); ok && len(addrs) == 1 {
			return addrs[0].String()
		}
	}
	return hop
}

// literalTarget returns the target of a literal, with the addresses that ip_protocol allows.
func literalTarget(path *probes.Path, addrs []netip.Addr) dnsclient.Target {
	protocol := path.Settings.Protocol
	kept := slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool {
		return protocol == probes.IP4 && !a.Is4() || protocol == probes.IP6 && a.Is4()
	})
	step := probes.NewStep("", "an address, no DNS look-up")
	if len(kept) == 0 {
		step = probes.NewStep(probes.ReasonFamilyUnavailable, "ip_protocol "+string(protocol)+" excludes this address")
	}
	return dnsclient.Target{Host: hostLabel(path.NextHop), Addrs: kept, Step: step}
}
