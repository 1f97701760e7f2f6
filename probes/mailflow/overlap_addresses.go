package mailflow

import (
	"cmp"
	"slices"
	"strings"
)

// byCertificate is the kind of addresses of senders whose connector requires a certificate. The certificate decides
// which tenant their mail is attributed to, even if senders of other tenants have the same address: the servers of a
// service have one address and a certificate for each tenant, as MC1226222 recommends. Such an address matters only if
// another tenant authenticates a sender by it.
const byCertificate OverlapKind = "address of a sender with a certificate"

// usedByAddress returns the addresses of senders that another tenant uses without a certificate.
func usedByAddress(senders, byAddress []usage) []usage {
	if len(senders) == 0 {
		return nil
	}
	known := newSortedUsages(byAddress)
	return slices.DeleteFunc(slices.Clone(senders), func(s usage) bool {
		return !known.anotherCovers(s) && !known.anotherBelow(s)
	})
}

// sortedUsages are usages in the order of their keys, then of their tenants.
type sortedUsages struct {
	usages []usage
	next   []int             // index of the first usage after each that is of another tenant
	spans  map[string][2]int // the first and the last usage of a key
}

func newSortedUsages(usages []usage) *sortedUsages {
	s := &sortedUsages{usages: slices.Clone(usages), next: make([]int, len(usages)), spans: map[string][2]int{}}
	slices.SortFunc(s.usages, func(a, b usage) int {
		return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.tenant, b.tenant))
	})
	for i, u := range s.usages {
		span, known := s.spans[u.key]
		if !known {
			span[0] = i
		}
		span[1] = i
		s.spans[u.key] = span
	}
	for i := len(s.usages) - 1; i >= 0; i-- {
		s.next[i] = i + 1
		if i+1 < len(s.usages) && s.usages[i+1].tenant == s.usages[i].tenant {
			s.next[i] = s.next[i+1]
		}
	}
	return s
}

// anotherCovers reports whether another tenant uses a network that covers the address.
func (s *sortedUsages) anotherCovers(address usage) bool {
	for n := range len(address.key) {
		span, known := s.spans[address.key[:n]]
		if known && (s.usages[span[0]].tenant != address.tenant || s.usages[span[1]].tenant != address.tenant) {
			return true
		}
	}
	return false
}

// anotherBelow reports whether another tenant uses the address, or a part of it if it is a network.
func (s *sortedUsages) anotherBelow(address usage) bool {
	i, _ := slices.BinarySearchFunc(s.usages, address.key, func(u usage, key string) int {
		return strings.Compare(u.key, key)
	})
	if i < len(s.usages) && s.usages[i].tenant == address.tenant {
		i = s.next[i]
	}
	return i < len(s.usages) && strings.HasPrefix(s.usages[i].key, address.key)
}
