package mailflow

import (
	"net/netip"
	"slices"
)

// AddressUse is the purpose of a range of addresses. The zero value is the public internet.
type AddressUse uint8

// The purposes.
const (
	Public         AddressUse = iota
	Private                   // networks of organizations
	SharedNAT                 // between carriers and their customers
	Loopback                  // the host itself
	LinkLocal                 // one link; cloud metadata services
	ThisNetwork               // unspecified
	Multicast                 // groups of hosts
	Documentation             // examples
	Benchmarking              // laboratories
	Discard                   // packets are dropped
	Infrastructure            // protocols and anycast services that are not mail
	Reserved                  // not assigned
)

var addressUses = [...]string{
	"public", "private", "shared by carriers", "loopback", "link-local", "this network", "multicast", "for documentation",
	"for benchmarks", "discarded", "for network protocols", "reserved",
}

// String returns the purpose as text, such as "private".
func (u AddressUse) String() string { return addressUses[u] }

// Internal reports whether an organization may use such addresses for mail servers in its own network.
func (u AddressUse) Internal() bool {
	return u == Private || u == SharedNAT || u == Benchmarking || u == Documentation
}

// SpecialRange is a range of addresses in which no mail server on the internet can be.
type SpecialRange struct {
	Use     AddressUse
	RFC     string
	network Range
}

// String returns the range as text, such as "private (RFC 1918)".
func (s SpecialRange) String() string { return s.Use.String() + " (" + s.RFC + ")" }

// specialRanges are IANA's special-purpose address registries for IPv4 and IPv6, its multicast ranges, deprecated
// ranges, and the IPv6 space outside of global unicast. IPv6 ranges that embed IPv4 addresses are left out, because the
// embedded address decides: see [EmbeddedIPv4]. The first range that matches counts, so narrower ones precede wider
// ones.
//
// https://www.iana.org/assignments/iana-ipv4-special-registry,
// https://www.iana.org/assignments/iana-ipv6-special-registry,
// https://www.iana.org/assignments/ipv6-address-space.
var specialRanges = [...]SpecialRange{
	special("0.0.0.0/8", ThisNetwork, "RFC 791"), // reaches the host itself on some systems (RFC 1122, section 3.2.1.3)
	special("10.0.0.0/8", Private, "RFC 1918"),
	special("100.64.0.0/10", SharedNAT, "RFC 6598"),
	special("127.0.0.0/8", Loopback, "RFC 1122"),
	special("169.254.0.0/16", LinkLocal, "RFC 3927"),
	special("172.16.0.0/12", Private, "RFC 1918"),
	special("192.0.0.0/24", Infrastructure, "RFC 6890"), // IETF protocol assignments, DS-Lite, PCP, TURN, NAT64 discovery
	special("192.0.2.0/24", Documentation, "RFC 5737"),
	special("192.31.196.0/24", Infrastructure, "RFC 7535"), // AS112
	special("192.52.193.0/24", Infrastructure, "RFC 7450"), // AMT
	special("192.88.99.0/24", Infrastructure, "RFC 7526"),  // 6to4 relay anycast, deprecated
	special("192.168.0.0/16", Private, "RFC 1918"),
	special("192.175.48.0/24", Infrastructure, "RFC 7534"), // AS112
	special("198.18.0.0/15", Benchmarking, "RFC 2544"),
	special("198.51.100.0/24", Documentation, "RFC 5737"),
	special("203.0.113.0/24", Documentation, "RFC 5737"),
	special("224.0.0.0/4", Multicast, "RFC 5771"),
	special("240.0.0.0/4", Reserved, "RFC 1112"), // with 255.255.255.255, limited broadcast

	special("::/128", ThisNetwork, "RFC 4291"),
	special("::1/128", Loopback, "RFC 4291"),
	special("100::/64", Discard, "RFC 6666"),
	special("100:0:0:1::/64", Discard, "RFC 9780"),   // dummy prefix
	special("2001:2::/48", Benchmarking, "RFC 5180"), // before 2001::/23
	special("2001:db8::/32", Documentation, "RFC 3849"),
	special("2001::/23", Infrastructure, "RFC 2928"), // IETF protocols: PCP, TURN, AMT, AS112, ORCHID
	special("2620:4f:8000::/48", Infrastructure, "RFC 7534"),
	special("3fff::/20", Documentation, "RFC 9637"),
	special("5f00::/16", Infrastructure, "RFC 9602"), // segment routing
	special("fc00::/7", Private, "RFC 4193"),
	special("fe80::/10", LinkLocal, "RFC 4291"),
	special("fec0::/10", Private, "RFC 3879"), // site-local, deprecated
	special("ff00::/8", Multicast, "RFC 4291"),
	special("::/3", Reserved, "RFC 4291"), // all that is not 2000::/3
	special("4000::/2", Reserved, "RFC 4291"),
	special("8000::/1", Reserved, "RFC 4291"),
}

func special(network string, use AddressUse, rfc string) SpecialRange {
	return SpecialRange{Use: use, RFC: rfc, network: RangeOf(netip.MustParsePrefix(network))}
}

// Special returns the first special-purpose range that r touches. Use is Public if there is none, or r is not valid.
func (r Range) Special() SpecialRange {
	for _, end := range []netip.Addr{r.First, r.Last} {
		if embedded := EmbeddedIPv4(end); len(embedded) > 0 {
			return firstSpecial(embedded)
		}
	}
	i := slices.IndexFunc(specialRanges[:], func(s SpecialRange) bool { return s.network.Overlaps(r) })
	if i < 0 {
		return SpecialRange{}
	}
	return specialRanges[i]
}

func firstSpecial(addresses []netip.Addr) SpecialRange {
	for _, a := range addresses {
		if s := (Range{a, a}).Special(); s.Use != Public {
			return s
		}
	}
	return SpecialRange{}
}

// SpecialUse returns the purpose of an address. That of an IPv6 address that embeds an IPv4 address is the purpose of
// the latter.
func SpecialUse(a netip.Addr) AddressUse {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return Reserved
	}
	return Range{a, a}.Special().Use
}

var (
	ipv4Compatible = netip.MustParsePrefix("::/96")           // RFC 4291, section 2.5.5.1, deprecated
	ipv4Translated = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765, section 2.1, obsolete
	nat64          = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052, section 2.1
	nat64Local     = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215
	sixToFour      = netip.MustParsePrefix("2002::/16")       // RFC 3056, section 2
	teredo         = netip.MustParsePrefix("2001::/32")       // RFC 4380, section 4
)

// EmbeddedIPv4 returns the IPv4 addresses that packets to an IPv6 address may reach by translation or a tunnel; nil
// if there is none. There may be several: a Teredo address contains two, and a local NAT64 prefix may have any length.
func EmbeddedIPv4(a netip.Addr) []netip.Addr {
	if !a.Is6() {
		return nil
	}
	b := a.WithZone("").As16()
	last := netip.AddrFrom4([4]byte(b[12:16]))
	switch a = netip.AddrFrom16(b); {
	case a == netip.IPv6Unspecified(), a == netip.IPv6Loopback():
		return nil
	case ipv4Compatible.Contains(a), ipv4Translated.Contains(a), nat64.Contains(a), a.Is4In6(): // mapped
		return []netip.Addr{last}
	case sixToFour.Contains(a):
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	case teredo.Contains(a): // the server, and the client's address with its bits inverted
		return []netip.Addr{netip.AddrFrom4([4]byte(b[4:8])), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})}
	case nat64Local.Contains(a):
		return localNAT64(b, last)
	}
	return nil
}

// localNAT64 reads an address in 64:ff9b:1::/48. The translator's prefix is one of /48, /56, /64 and /96 in it, and
// which one is not known. The octet of bits 64 to 71 is skipped (RFC 6052, section 2.2).
func localNAT64(b [16]byte, last netip.Addr) []netip.Addr {
	if [6]byte(b[6:12]) == ([6]byte{}) {
		return []netip.Addr{last} // 64:ff9b:1::/96
	}
	return []netip.Addr{
		netip.AddrFrom4([4]byte{b[6], b[7], b[9], b[10]}),
		netip.AddrFrom4([4]byte{b[7], b[9], b[10], b[11]}),
		netip.AddrFrom4([4]byte(b[9:13])),
		last,
	}
}
