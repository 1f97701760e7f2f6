package mailflow

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestSenderAttributions(t *testing.T) {
	tenants := []Tenant{
		tenant("contoso", "contoso.com contoso.net", onPremises("cert", "*.contoso.com", ""), onPremises("ip", "-",
			"198.51.100.0/25"),
			with(onPremises("off", "-", "198.51.100.0/25"), disabled), partner("partner", "friend.com", "", "203.0.113.9")),
		tenant("empty", "", onPremises("ip", "-", "198.51.100.1")),
	}
	d := NewDirectory(tenants)
	prefix := func(texts ...string) (all []netip.Prefix) {
		for _, s := range texts {
			all = append(all, netip.MustParsePrefix(s))
		}
		return all
	}
	for _, test := range []struct {
		name   string
		tenant int
		sender Sender
		want   string // of each: address, sender, outcome
	}{
		{
			"a certificate", 0,
			Sender{
				Connector: "cert", ClientCertificate: certificate("mail.contoso.com"),
				MailFromDomains: []string{"contoso.com", "contoso.net"},
			},
			"contoso.com, contoso.net certificate true;  certificate true",
		},
		{"an unknown certificate", 0, Sender{Connector: "cert", MailFromDomains: []string{"contoso.com"}}, ""},
		{
			"addresses with the same outcome", 0,
			Sender{
				Connector: "ip", Addresses: prefix("198.51.100.0/27", "198.51.100.9/32"),
				MailFromDomains: []string{"contoso.com"},
			},
			"198.51.100.0 contoso.com mail_from true; 198.51.100.0  none false",
		},
		{
			"a network wider than the connector's", 0,
			Sender{Connector: "ip", Addresses: prefix("198.51.100.0/24"), MailFromDomains: []string{"contoso.com"}},
			"198.51.100.0 contoso.com mail_from true; 198.51.100.255 contoso.com none false; 198.51.100.0  none false; " +
				"198.51.100.255  none false",
		},
		{
			"internal", 0,
			Sender{
				Connector: "ip", Relays: "internal", Addresses: prefix("198.51.100.1/32"),
				MailFromDomains: []string{"contoso.com"},
			},
			"198.51.100.1 contoso.com mail_from true; 198.51.100.1  rcpt_to true",
		},
		{
			"by address, assumed to present what another connector requires", 0,
			Sender{
				Connector: "ip", Assumed: true, ClientCertificate: certificate("mail.contoso.com"),
				Addresses: prefix("198.51.100.1/32"), MailFromDomains: []string{"contoso.com"},
			},
			"198.51.100.1 contoso.com mail_from true; 198.51.100.1  none false",
		},
		{"a disabled connector", 0, Sender{Connector: "off", Addresses: prefix("198.51.100.1/32")}, ""},
		{
			"a partner", 0,
			Sender{Connector: "partner", Addresses: prefix("203.0.113.9/32"), MailFromDomains: []string{"friend.com"}},
			"203.0.113.9 friend.com rcpt_to true; 203.0.113.9  rcpt_to false",
		},
		{"no accepted domain", 1, Sender{Connector: "ip", Addresses: prefix("198.51.100.1/32")}, ""},
		{"no such connector", 0, Sender{Connector: "gone"}, ""},
	} {
		var got []string
		for _, a := range newSenderSimulator(d, &tenants[test.tenant]).attributions(&test.sender) {
			address := ""
			if a.Message.Address.IsValid() {
				address = a.Message.Address.String() + " "
			}
			got = append(got, fmt.Sprintf("%s%s %s %t", address, a.From(), string(a.Basis), a.Reaches("contoso",
				test.sender.Connector)))
		}
		if s := strings.Join(got, "; "); s != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, s, test.want)
		}
	}
	many := make([]netip.Prefix, 100)
	for i := range many {
		many[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 32)
	}
	if got := (&Sender{Addresses: many}).representatives(); len(got) != MaxSenderAddresses {
		t.Errorf("%d representatives", len(got))
	}
}

// TestTenantAttributionsCoverEveryDomain compares the outcome of each group with that of each of its MAIL FROM
// domains alone.
func TestTenantAttributionsCoverEveryDomain(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	domains := strings.Fields("a.com b.com c.b.com d.b.com e.com f.org g.org")
	for round := range 200 {
		tenants := make([]Tenant, 2)
		for i := range tenants {
			tenants[i] = tenant(fmt.Sprintf("t%d", i), "own.com "+[]string{
				"a.com", ".b.com", "e.com f.org",
				"c.b.com",
			}[rng.IntN(4)],
				onPremises("c", "-", "192.0.2.0/24"),
				partner("p", []string{"*", "a.com *.b.com", "e.com", "c.b.com f.org"}[rng.IntN(4)], "", []string{
					"",
					"198.51.100.1",
				}[rng.IntN(2)]))
		}
		sender := Sender{
			Connector: []string{"c", "p"}[rng.IntN(2)], Relays: []string{"internal", "external"}[rng.IntN(2)],
			MailFromDomains: domains,
			Addresses:       []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("203.0.113.1/32")},
		}
		d := NewDirectory(tenants)
		covered := map[string]bool{}
		for _, a := range newSenderSimulator(d, &tenants[0]).attributions(&sender) {
			for _, from := range append([]string{a.Message.MailFrom}, a.AlsoFrom...) {
				covered[from] = true
				m := a.Message
				m.MailFrom = from
				if alone := d.Attribute(m); !alone.sameOutcomeAsOneOf([]Attribution{a}) {
					t.Fatalf("round %d: %s alone: %+v\nin the group: %+v", round, from, alone, a)
				}
			}
		}
		for _, domain := range append(domains, "") {
			if !covered[domain] {
				t.Fatalf("round %d: %q is not simulated", round, domain)
			}
		}
	}
}

func TestTenantAttributionsAreBounded(t *testing.T) {
	var domains []string
	var partners []InboundConnector
	for i := range 3 * MaxSenderDomains {
		domains = append(domains, fmt.Sprintf("d%02d.com", i))
		partners = append(partners, partner(domains[i], domains[i], "", "192.0.2.1"))
	}
	contoso := tenant("contoso", "contoso.com "+strings.Join(domains, " "), append(partners, onPremises("c", "-",
		"198.51.100.0/24"))...)
	contoso.Senders = []Sender{
		{
			Name: "external", Connector: "c", MailFromDomains: domains,
			Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.1/32")},
		},
		{
			Name: "internal", Connector: "c", Relays: "internal", MailFromDomains: domains,
			Addresses: []netip.Prefix{netip.MustParsePrefix("203.0.113.1/32")},
		},
	}
	all := NewDirectory([]Tenant{contoso}).TenantAttributions(&contoso)
	if a := all[0][0]; len(all[0]) != 2 || len(a.AlsoFrom) != MaxAlsoFrom ||
		a.AlsoFromMore != len(domains)-1-MaxAlsoFrom {
		t.Errorf("%d attributions, %d and %d more domains in the first", len(all[0]), len(a.AlsoFrom), a.AlsoFromMore)
	}
	if from := all[0][0].From(); from != "d00.com, d01.com, d02.com, d03.com, d04.com and 43 more" {
		t.Errorf("from %s", from)
	}
	if len(all[1]) != MaxSenderDomains+1 || all[1][MaxSenderDomains].Message.MailFrom != "" {
		t.Errorf("%d attributions where each domain has its own Partner connector", len(all[1]))
	}
}

// TestMatchesOfManyConnectors names a bounded number of connectors of a tenant, those by certificate first, however
// many match.
func TestMatchesOfManyConnectors(t *testing.T) {
	const n = 3 * maxMatches
	for name, test := range map[string]struct {
		make       func(i int) InboundConnector
		names      string
		first, end string
	}{
		"by certificate": {func(i int) InboundConnector {
			return onPremises(fmt.Sprintf("c%02d", i), "*.a.com",
				"192.0.2.1")
		}, "mail.a.com", "c00", "c15"},
		"by address": {func(i int) InboundConnector {
			return onPremises(fmt.Sprintf("c%02d", i), "*.b.com",
				"192.0.2.0/24")
		}, "mail.a.com", "c00", "c15"},
		"a few by certificate": {func(i int) InboundConnector {
			return onPremises(fmt.Sprintf("c%02d", i), []string{"-", "mail.a.com"}[toInt(i%10 == 5)], "192.0.2.1 192.0.2.0/24")
		}, "mail.a.com", "c05", "c11"},
	} {
		var connectors []InboundConnector
		for i := range n {
			connectors = append(connectors, test.make(i))
		}
		tenants := []Tenant{tenant("before", "", connectors...), tenant("a", "a.com", connectors...), tenant("after", "",
			connectors...)}
		d := NewDirectory(tenants)
		m := parsed(message(t, "192.0.2.1 a.com > elsewhere.org", test.names))
		got := d.matchesOf(1, &m)
		if len(got.first) != maxMatches || !got.more || d.tenants[1].connectors[got.first[0].connector].Name != test.first ||
			d.tenants[1].connectors[got.first[maxMatches-1].connector].Name != test.end {
			t.Errorf("%s: %+v", name, got)
		}
		if a := d.Attribute(m.InboundMessage); a.Connector != test.first || len(a.AlsoMatching) != min(MaxAlsoMatching,
			len(got.first)-1) && name != "a few by certificate" ||
			!slices.ContainsFunc(a.Uncertain, func(why string) bool {
				return strings.HasPrefix(why,
					"more than 16 connectors of a match")
			}) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// hostile makes a tenant of k inbound connectors that all match every message of all their senders, with m accepted
// domains.
func hostile(k, m int) []Tenant {
	t := Tenant{Name: "hostile"}
	for i := range m {
		t.AcceptedDomains = append(t.AcceptedDomains, AcceptedDomain{Name: fmt.Sprintf("domain-%d.com", i)})
	}
	for i := range k {
		c := onPremises(fmt.Sprintf("connector %d", i), "-", "192.0.2.1")
		t.Inbound = append(t.Inbound, c)
	}
	return []Tenant{WithImpliedSenders(t)}
}

// TestTenantAttributionsGrowLinearly holds work and memory to the size of the export: twice the connectors and
// domains cost twice.
func TestTenantAttributionsGrowLinearly(t *testing.T) {
	allocated := func(n int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tenants := hostile(n, n)
		all := NewDirectory(tenants).TenantAttributions(&tenants[0])
		runtime.ReadMemStats(&after)
		if len(all) != n || len(all[n-1]) != 2 {
			t.Fatalf("%d senders, %d attributions of the last", len(all), len(all[n-1]))
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if once, twice := allocated(500), allocated(1000); twice > once*5/2 {
		t.Errorf("500 connectors and domains allocate %d bytes, 1000 allocate %d", once, twice)
	}
}

func TestInboundByName(t *testing.T) {
	contoso := tenant("contoso", "", onPremises("a", "-", ""), partner("b", "*", "", ""))
	if got := contoso.InboundByName(); len(got) != 2 || got["a"] != &contoso.Inbound[0] ||
		got["b"] != &contoso.Inbound[1] {
		t.Errorf("%v", got)
	}
}
