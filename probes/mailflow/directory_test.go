package mailflow

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestDirectoryLikeNaive compares what the indexes find with asking every connector and every accepted domain.
func TestDirectoryLikeNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	names := strings.Fields("- * a.com *.a.com b.a.com *.b.a.com c.b.a.com *.com ab.com x.ab.com <I>CN=x<S>CN=b.a.com")
	pick := func(from int) string { return names[from+rng.IntN(len(names)-from)] }
	for round := range 300 {
		tenants := make([]Tenant, 1+rng.IntN(8))
		for i := range tenants {
			addresses := fmt.Sprintf("192.0.%d.%d/%d", rng.IntN(2), rng.IntN(256), 24+rng.IntN(9))
			tenants[i] = tenant(fmt.Sprintf("t%d", i), []string{"a.com", ".a.com", "b.a.com", "ab.com .com"}[rng.IntN(4)],
				onPremises("c", pick(0), addresses+" 192.0.1.7 192.0.1.8/30"), onPremises("d", pick(0), ""), onPremises("e", "-",
					addresses))
		}
		d := NewDirectory(tenants)
		c := parsed(InboundMessage{
			Address:     netip.AddrFrom4([4]byte{192, 0, byte(rng.IntN(2)), byte(rng.IntN(256))}),
			Certificate: &ClientCertificate{CommonName: pick(1), DNSNames: []string{pick(1), pick(1)}, Valid: Tri(rng.IntN(3))},
			MailFrom:    pick(2),
		})
		var got, want []string
		found, _ := d.find(&c, 100, func(all []place) []place { return all })
		for _, m := range found {
			got = append(got, fmt.Sprint(m.place, m.byName()))
		}
		for i := range d.tenants {
			for k, one := range d.tenants[i].connectors {
				byName := c.usable && one.required.match(c.domains).Matched
				if byName || slices.ContainsFunc(one.networks(), func(p netip.Prefix) bool { return p.Contains(c.Address) }) {
					want = append(want, fmt.Sprint(placeOf(i, k), byName))
				}
			}
		}
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Fatalf("round %d: %v, want %v for %+v", round, got, want, c)
		}
		var owners []int
		for i := range tenants {
			if _, ok := NewDomainIndex(tenants[i].AcceptedDomains).Match(c.MailFrom); ok {
				owners = append(owners, i)
			}
		}
		if got := d.ownersOfMail(c.MailFrom); !slices.Equal(got, owners) {
			t.Fatalf("round %d: %s is of %v, want %v", round, c.MailFrom, got, owners)
		}
	}
}

func parsed(m InboundMessage) parsedMessage { return parseMessage(m, parseCertificate(m.Certificate)) }
