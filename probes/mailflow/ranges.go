package mailflow

import (
	"net/netip"
	"strings"
)

// Range is a closed range of addresses of one family, as SenderIPAddresses and EFSkipIPs write them.
type Range struct{ First, Last netip.Addr }

// RangeProblem is why Exchange Online does not accept a range. The zero value means that it does.
type RangeProblem string

// The problems (Set-InboundConnector: "Valid subnet mask values are /24 through /32", "IPv6 addresses are not
// supported").
const (
	RangeUnreadable RangeProblem = "neither an address nor a range"
	RangeIPv6       RangeProblem = "IPv6 is not supported"
	RangeTooWide    RangeProblem = "wider than /24"
)

// widestNetwork is the prefix length of the widest network that Exchange Online accepts on a connector.
const widestNetwork = 24

// ParseRange parses an address, a network (host bits may be set: Microsoft's own example is 192.168.0.1/25) or a
// range "first-last". The range is also returned if Exchange Online does not accept it, unless it is unreadable.
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

// RangeOf returns the range of a network; host bits are ignored. It is the zero Range for an invalid network, and for
// an IPv6 network that contains IPv4-mapped addresses (RFC 4291, section 2.5.5.2) and others.
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

// tooWide reports whether an IPv4 range has more than 256 addresses.
func (r Range) tooWide() bool {
	a, b := r.First.As4(), r.Last.As4()
	return number(b)-number(a) >= 1<<(32-widestNetwork)
}

func number(a [4]byte) uint32 {
	return uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
}

// Contains reports whether a is in the range. An IPv4-mapped IPv6 address counts as IPv4.
func (r Range) Contains(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsValid() && a.BitLen() == r.First.BitLen() && !a.Less(r.First) && !r.Last.Less(a)
}

// Overlaps reports whether the two ranges have an address in common.
func (r Range) Overlaps(other Range) bool {
	sameFamily := r.First.IsValid() && r.First.BitLen() == other.First.BitLen()
	return sameFamily && !other.Last.Less(r.First) && !r.Last.Less(other.First)
}

// String formats a single address as such, a network as CIDR, and other ranges as "first-last".
func (r Range) String() string {
	if r.First == r.Last {
		return r.First.String()
	}
	if p, ok := r.network(); ok {
		return p.String()
	}
	return r.First.String() + "-" + r.Last.String()
}

// common returns how many leading bits all addresses of the range share.
func (r Range) common() int {
	first, last := r.First.As16(), r.Last.As16()
	n := 0
	for n < 128 && (first[n/8]^last[n/8])&(0x80>>(n%8)) == 0 {
		n++
	}
	return n - (128 - r.First.BitLen())
}

// network returns the range as a network. ok is false if it is not one.
func (r Range) network() (p netip.Prefix, ok bool) {
	p = netip.PrefixFrom(r.First, r.common())
	return p, RangeOf(p) == r
}
