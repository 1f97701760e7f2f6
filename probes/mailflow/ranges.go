package mailflow

import (
	"net/netip"
	"strings"
)

// Range is a closed range of addresses of one family, as SenderIPAddresses and EFSkipIPs write them.
type Range struct{ First, Last netip.Addr }

// RangeProblem tells why Exchange Online does not take a range. The zero value: it does.
type RangeProblem string

// What can be wrong with a range (Set-InboundConnector: "Valid subnet mask values are /24 through /32", "IPv6 addresses are not
// supported").
const (
	RangeUnreadable RangeProblem = "neither an address nor a range"
	RangeIPv6       RangeProblem = "IPv6 is not supported"
	RangeTooWide    RangeProblem = "wider than /24"
)

// widestNetwork is the prefix length of the widest network that Exchange Online takes on a connector.
const widestNetwork = 24

// ParseRange reads an address, a network (host bits may be set: Microsoft's own example is 192.168.0.1/25) or a range
// "first-last". The range is set whenever it can be read, also when Exchange Online does not take it.
func ParseRange(text string) (Range, RangeProblem) {
	r, ok := readRange(strings.TrimSpace(text))
	switch {
	case !ok:
		return Range{}, RangeUnreadable
	case r.First.Is6():
		return r, RangeIPv6
	case r.tooWide():
		return r, RangeTooWide
	}
	return r, ""
}

func readRange(text string) (Range, bool) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return Range{a, a}, true
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		r := RangeOf(p)
		return r, r.First.IsValid()
	}
	low, high, _ := strings.Cut(text, "-")
	first, err1 := netip.ParseAddr(strings.TrimSpace(low))
	last, err2 := netip.ParseAddr(strings.TrimSpace(high))
	r := Range{first.Unmap().WithZone(""), last.Unmap().WithZone("")}
	return r, err1 == nil && err2 == nil && r.First.BitLen() == r.Last.BitLen() && !r.Last.Less(r.First)
}

// RangeOf is the range of a network; host bits are ignored. The zero Range for an invalid one, and for IPv6 networks that hold
// IPv4 in IPv6 clothing (RFC 4291, section 2.5.5.2) and more.
func RangeOf(p netip.Prefix) Range {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	p = p.Masked()
	if !p.IsValid() {
		return Range{}
	}
	last := p.Addr().As16()
	for bit := 128 - p.Addr().BitLen() + p.Bits(); bit < 128; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	end := netip.AddrFrom16(last)
	if p.Addr().Is4() {
		end = end.Unmap()
	} else if end.Is4In6() {
		return Range{}
	}
	return Range{p.Addr(), end}
}

// tooWide tells an IPv4 range of more than 256 addresses.
func (r Range) tooWide() bool {
	a, b := r.First.As4(), r.Last.As4()
	return number(b)-number(a) >= 1<<(32-widestNetwork)
}

func number(a [4]byte) uint32 {
	return uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
}

// Contains tells whether a lies within. IPv4 in IPv6 clothing is IPv4.
func (r Range) Contains(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsValid() && a.BitLen() == r.First.BitLen() && !a.Less(r.First) && !r.Last.Less(a)
}

// Overlaps tells whether the two have an address in common.
func (r Range) Overlaps(other Range) bool {
	return r.First.IsValid() && r.First.BitLen() == other.First.BitLen() && !other.Last.Less(r.First) && !r.Last.Less(other.First)
}

// String writes an address as an address, a network as a network, and the rest as "first-last".
func (r Range) String() string {
	if r.First == r.Last {
		return r.First.String()
	}
	if p, ok := r.network(); ok {
		return p.String()
	}
	return r.First.String() + "-" + r.Last.String()
}

// common is how many leading bits all addresses of the range have alike.
func (r Range) common() int {
	first, last := r.First.As16(), r.Last.As16()
	n := 0
	for n < 128 && (first[n/8]^last[n/8])&(0x80>>(n%8)) == 0 {
		n++
	}
	return n - (128 - r.First.BitLen())
}

// network is the range as a network, where it is one.
func (r Range) network() (netip.Prefix, bool) {
	p := netip.PrefixFrom(r.First, r.common())
	return p, RangeOf(p) == r
}
