package mailflow

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// format writes one overlap a line: kind tenant/connector/sender value count: others.
func format(all []Overlap) string {
	var b strings.Builder
	for _, o := range all {
		fmt.Fprintf(&b, "%s %s/%s/%s %s %d:", o.Kind, o.Tenant, o.Connector, o.Sender, o.Value, o.Count)
		for _, other := range o.Others {
			fmt.Fprintf(&b, " %s/%s/%s %s", other.Tenant, other.Connector, other.Sender, other.Value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestOverlaps(t *testing.T) {
	withSenders := func(t Tenant, senders ...Sender) Tenant {
		t.Senders = senders
		return t
	}
	presents := func(name, connector, fingerprint, addresses string) Sender {
		s := Sender{Name: name, Connector: connector, ClientCertificate: &ClientCertificate{Fingerprint: fingerprint}}
		for text := range strings.FieldsSeq(addresses) {
			s.Addresses = append(s.Addresses, netip.MustParsePrefix(text))
		}
		return s
	}
	out := func(organization, sendConnector string) Sender {
		return Sender{Name: "s", Connector: "c", Organization: organization, SendConnector: sendConnector}
	}
	for name, test := range map[string]struct {
		tenants []Tenant
		want    string
	}{
		"nested, host bits set": {
			[]Tenant{tenant("a", "", onPremises("c", "-", "192.0.2.77/24")), tenant("b", "", onPremises("c", "-",
				"192.0.2.8/29 192.0.2.200")), tenant("d", "", onPremises("c", "-", "192.0.3.1"))},
			"address a/c/ 192.0.2.0/24 1: b/c/ 192.0.2.8/29\naddress b/c/ 192.0.2.200 1: a/c/ 192.0.2.0/24\naddress b/c/ " +
				"192.0.2.8/29 1: a/c/ 192.0.2.0/24\n",
		},
		"not with itself": {[]Tenant{tenant("a", "", onPremises("c", "*.a.com", "192.0.2.0/24"), onPremises("d",
			"mail.a.com", "192.0.2.1"))}, ""},
		"a sender of one, a connector of the other": {
			[]Tenant{withSenders(tenant("a", "", onPremises("c", "mail.a.com", "")), presents("s", "c", "",
				"192.0.2.1/32 2001:db8::1/64")), tenant("b", "", onPremises("c", "-", "192.0.2.0/30"))},
			"address a/c/s 192.0.2.1 1: b/c/ 192.0.2.0/30\naddress b/c/ 192.0.2.0/30 1: a/c/s 192.0.2.1\n",
		},
		"senders over IPv6": {
			[]Tenant{
				withSenders(tenant("a", "", onPremises("c", "-", "")), presents("s", "c", "", "2001:db8::/64")),
				withSenders(tenant("b", "", onPremises("c", "-", "")), presents("s", "c", "", "2001:db8::1/128")),
			},
			"address a/c/s 2001:db8::/64 1: b/c/s 2001:db8::1\naddress b/c/s 2001:db8::1 1: a/c/s 2001:db8::/64\n",
		},
		"senders with one address and a certificate each": {
			[]Tenant{
				withSenders(tenant("a", "", onPremises("c", "a.msp.com", "192.0.2.9"), onPremises("d", "-", "192.0.2.1")),
					presents("s", "c", "", "192.0.2.1/32")),
				withSenders(tenant("b", "", onPremises("c", "b.msp.com", "")), presents("s", "c", "", "192.0.2.0/29")),
				withSenders(tenant("e", "", onPremises("c", "e.msp.com", "")), presents("s", "c", "", "192.0.3.1/32")),
				withSenders(tenant("f", "", onPremises("c", "f.msp.com", "")), presents("s", "c", "", "192.0.3.1/32")),
			},
			"address a/d/ 192.0.2.1 1: b/c/s 192.0.2.0/29\naddress b/c/s 192.0.2.0/29 1: a/d/ 192.0.2.1\n",
		},
		"disabled, Partner, invalid": {
			[]Tenant{
				tenant("a", "", with(onPremises("c", "*.x.com", "192.0.2.1"), disabled), partner("p", "*", "*.x.com",
					"192.0.2.1"), onPremises("i", "-", "192.0.0.0/16 nonsense 192.0.2.0-192.0.2.5 2001:db8::/48")),
				withSenders(tenant("b", "", onPremises("c", "*.x.com", "192.0.2.1 2001:db8::/48")), presents("s", "gone", "f",
					"192.0.2.1/32")),
			},
			"",
		},
		"implied senders have no addresses of their own": {
			[]Tenant{withSenders(tenant("a", "", onPremises("c", "-", "192.0.2.1")), Sender{
				Name: "c", Connector: "c",
				Assumed: true, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")},
			}), tenant("b", "", onPremises("c",
				"-", "192.0.2.1"))},
			"address a/c/ 192.0.2.1 1: b/c/ 192.0.2.1\naddress b/c/ 192.0.2.1 1: a/c/ 192.0.2.1\n",
		},
		"certificates": {
			[]Tenant{
				withSenders(tenant("a", "", onPremises("c", "-", "192.0.2.1")), presents("s", "c", "ff", "")),
				withSenders(tenant("b", "", onPremises("c", "-", "192.0.2.2")), presents("s", "c", "ff", ""), presents("u", "c",
					"ee", "")),
			},
			"fingerprint a/c/s ff 1: b/c/s ff\nfingerprint b/c/s ff 1: a/c/s ff\n",
		},
		"certificate names": {
			[]Tenant{
				tenant("a", "", onPremises("c", "*.msp.com", "")), tenant("b", "", onPremises("c", "gw.msp.com", "")),
				tenant("d", "", onPremises("c", "*.sub.msp.com", "")), tenant("e", "", onPremises("c", "msp.com", "")),
				tenant("f", "", onPremises("c", "notmsp.com", "")),
			},
			"certificate_name a/c/ *.msp.com 3: e/c/ msp.com b/c/ gw.msp.com d/c/ *.sub.msp.com\ncertificate_name b/c/ " +
				"gw.msp.com 1: a/c/ *.msp.com\n" +
				"certificate_name d/c/ *.sub.msp.com 1: a/c/ *.msp.com\ncertificate_name e/c/ msp.com 1: a/c/ *.msp.com\n",
		},
		"plain names cover only themselves": {[]Tenant{tenant("a", "", onPremises("c", "msp.com", "")), tenant("b", "",
			onPremises("c", "gw.msp.com", ""))}, ""},
		"a name that is too broad overlaps nothing": {
			[]Tenant{
				tenant("a", "", onPremises("c", "*", "")), tenant("b", "", onPremises("c", "<I>CN=ca<S>CN=gw.msp.com", "")),
				tenant("d", "", onPremises("c", "*.com", "")), tenant("e", "", onPremises("c", "gw.msp.com", "")),
			},
			"certificate_name b/c/ <I>CN=ca<S>CN=gw.msp.com 1: e/c/ gw.msp.com\n" +
				"certificate_name e/c/ gw.msp.com 1: b/c/ <I>CN=ca<S>CN=gw.msp.com\n",
		},
		"send connectors": {
			[]Tenant{
				withSenders(tenant("a", "", onPremises("c", "x", "")), out("Org", "Out"), out("", "Out")),
				withSenders(tenant("b", "", onPremises("c", "y", "")), out("org", "OUT")), withSenders(tenant("d", "",
					onPremises("c", "z", "")), out("org", "other"), out("", "Out")),
			},
			"send_connector a/c/s Org/Out 1: b/c/s org/OUT\nsend_connector b/c/s org/OUT 1: a/c/s Org/Out\n",
		},
	} {
		if got := format(Overlaps(test.tenants)); got != test.want {
			t.Errorf("%s:\n got\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

func TestOverlapsAreBounded(t *testing.T) {
	tenants := make([]Tenant, 40)
	for i := range tenants {
		tenants[i] = tenant(fmt.Sprintf("t%02d", i), "", onPremises("c", "-", "192.0.2.1"))
	}
	all := Overlaps(tenants)
	if len(all) != 40 {
		t.Fatalf("%d overlaps", len(all))
	}
	for _, o := range all {
		if o.Count != 39 || len(o.Others) != MaxOthers || slices.ContainsFunc(o.Others,
			func(other OverlapPeer) bool { return other.Tenant == o.Tenant }) {
			t.Errorf("%s", format([]Overlap{o}))
		}
	}
}

// TestOverlapsLikeNaive compares every pair.
func TestOverlapsLikeNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		tenants := make([]Tenant, 2+rng.IntN(8))
		for i := range tenants {
			var addresses []string
			for range rng.IntN(5) {
				addresses = append(addresses, fmt.Sprintf("192.0.%d.%d/%d", rng.IntN(2), rng.IntN(256), 24+rng.IntN(9)))
			}
			names := []string{"-", "*", "*.com", "a.com", "*.a.com", "b.a.com", "*.b.a.com", "c.b.a.com", "ab.com", "*.ab.com"}
			tenants[i] = tenant(fmt.Sprintf("t%d", i), "", onPremises("c", names[rng.IntN(len(names))], strings.Join(addresses,
				" ")),
				onPremises("d", names[rng.IntN(len(names))], ""))
		}
		got := map[string]string{}
		for _, o := range Overlaps(tenants) {
			seen := map[string]bool{}
			for _, other := range o.Others {
				seen[other.Tenant] = true
			}
			if len(seen) != o.Count || len(o.Others) != o.Count {
				t.Fatalf("round %d: %s", round, format([]Overlap{o}))
			}
			got[string(o.Kind)+o.Tenant+o.Connector+o.Value] = fmt.Sprint(sorted(seen))
		}
		want := naive(tenants)
		if len(got) != len(want) {
			t.Fatalf("round %d: %d overlaps, want %d\n%v\n%v", round, len(got), len(want), got, want)
		}
		for key, others := range want {
			if got[key] != others {
				t.Fatalf("round %d: %s: %s, want %s", round, key, got[key], others)
			}
		}
	}
}

func naive(tenants []Tenant) map[string]string {
	type thing struct {
		kind              OverlapKind
		tenant, connector string
		value             string
	}
	var things []thing
	for _, t := range tenants {
		for _, c := range t.Inbound {
			for _, p := range c.networks() {
				things = append(things, thing{OverlapAddress, t.Name, c.Name, RangeOf(p).String()})
			}
			_, broad := NewDomainIndex(t.AcceptedDomains).TooBroad(c.TLSSenderCertificateName)
			if c.TLSSenderCertificateName != "" && !broad {
				things = append(things, thing{OverlapCertificateName, t.Name, c.Name, c.TLSSenderCertificateName})
			}
		}
	}
	covers := func(a, b string) bool { return MatchCertificateName(a, b).Matched }
	all := map[string]string{}
	for _, a := range things {
		others := map[string]bool{}
		for _, b := range things {
			if a.kind != b.kind || a.tenant == b.tenant {
				continue
			}
			if a.kind == OverlapAddress {
				x, _ := ParseRange(a.value)
				y, _ := ParseRange(b.value)
				others[b.tenant] = others[b.tenant] || x.Overlaps(y)
			} else {
				others[b.tenant] = others[b.tenant] || covers(a.value, b.value) || covers(b.value, a.value)
			}
		}
		if names := sorted(others); len(names) > 0 {
			all[string(a.kind)+a.tenant+a.connector+a.value] = fmt.Sprint(names)
		}
	}
	return all
}

func sorted(set map[string]bool) []string {
	var names []string
	for name, in := range set {
		if in {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
