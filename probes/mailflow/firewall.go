package mailflow

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxAllowed bounds the ranges of a list of allowed addresses.
const maxAllowed = 100_000

// AllowedList is what a list of allowed addresses contains.
type AllowedList struct {
	Ranges []Range

	// Lines that have words, but no address, network or range; and the number of the first of them, from 1.
	Skipped, FirstSkipped int
}

// Warning names the lines that were skipped; "" if there are none.
func (l AllowedList) Warning() string {
	switch l.Skipped {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("line %d has no address, network or range, and is skipped", l.FirstSkipped)
	default:
		return fmt.Sprintf("%d lines have no address, network or range, and are skipped; the first is line %d", l.Skipped,
			l.FirstSkipped)
	}
}

// ParseAllowed returns the addresses, networks and ranges in a list such as that of a firewall: one or more per line,
// separated by white space, commas, semicolons or quotes. It ignores other words, and comments from # to the end of the
// line. It accepts 192.0.2.1, 192.0.2.0/24, 192.0.2.1-192.0.2.9, 192.0.2.0 255.255.255.0 (a mask or its inverse) and
// IPv6. It is an error if there is no address, or more than 100,000.
func ParseAllowed(text []byte) (AllowedList, error) {
	var list AllowedList
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		before := len(list.Ranges)
		words := strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(" \t\r\n,;\"'[](){}", c) })
		for i := 0; i < len(words); i++ {
			r, ok := readRange(words[i])
			if !ok {
				continue
			}
			if i+1 < len(words) {
				if masked, ok := withMask(words[i], words[i+1]); ok {
					r, i = masked, i+1
				}
			}
			if list.Ranges = append(list.Ranges, r); len(list.Ranges) > maxAllowed {
				return AllowedList{}, errors.New("more than 100000 addresses and networks")
			}
		}
		if len(words) > 0 && len(list.Ranges) == before {
			if list.Skipped++; list.Skipped == 1 {
				list.FirstSkipped = number
			}
		}
	}
	if len(list.Ranges) == 0 {
		return AllowedList{}, errors.New("no address, network or range is in it, such as 40.92.0.0/15")
	}
	return list, nil
}

// withMask returns the network of an IPv4 address and a mask (255.255.255.0) or an inverse mask (0.0.0.255).
func withMask(address, mask string) (Range, bool) {
	a, err1 := netip.ParseAddr(address)
	m, err2 := netip.ParseAddr(mask)
	if err1 != nil || err2 != nil || !a.Is4() || !m.Is4() {
		return Range{}, false
	}
	bits := number(m.As4())
	if bits>>31 == 0 && bits != 0 { // an inverse mask, or an address
		bits = ^bits
	}
	ones := 0
	for ; ones < 32 && bits>>(31-ones)&1 == 1; ones++ {
	}
	if ones == 0 || ones < 32 && bits<<ones != 0 {
		return Range{}, false
	}
	return RangeOf(netip.PrefixFrom(a, ones)), true
}

// Uncovered is a published range that a list does not allow.
type Uncovered struct {
	Range  netip.Prefix
	Partly bool // some of its addresses are allowed
}

// NotAllowed returns the published ranges that the allowed ones do not cover, in their order.
func NotAllowed(published []netip.Prefix, allowed []Range) []Uncovered {
	allowed = slices.Clone(allowed)
	slices.SortFunc(allowed, func(a, b Range) int { return a.First.Compare(b.First) })
	var missing []Uncovered
	for _, p := range published {
		whole := RangeOf(p)
		if !whole.First.IsValid() {
			continue
		}
		next, partly, covered := whole.First, false, false
		for _, r := range allowed {
			if !r.Overlaps(whole) {
				continue
			}
			partly = true
			if next.Less(r.First) {
				break // a gap
			}
			if !r.Last.Less(whole.Last) {
				covered = true
				break
			}
			if after := r.Last.Next(); next.Less(after) {
				next = after
			}
		}
		if !covered {
			missing = append(missing, Uncovered{p, partly})
		}
	}
	return missing
}
