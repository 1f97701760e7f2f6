package mailflow

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// tenant makes one from its accepted domains and its connectors.
func tenant(name, domains string, connectors ...InboundConnector) Tenant {
	return Tenant{Name: name, AcceptedDomains: accepted(domains), Inbound: connectors}
}

// onPremises makes a connector from the certificate name it asks for and the addresses it lists; "-" is no name.
func onPremises(name, certificateName, addresses string) InboundConnector {
	if certificateName == "-" {
		certificateName = ""
	}
	return InboundConnector{
		Common:                   Common{Name: name, Type: OnPremises},
		TLSSenderCertificateName: certificateName, SenderIPAddresses: strings.Fields(addresses),
	}
}

func partner(name, domains, certificateName, addresses string) InboundConnector {
	c := onPremises(name, certificateName, addresses)
	c.Type, c.SenderDomains = Partner, strings.Fields(domains)
	c.RestrictDomainsToIPAddresses, c.RestrictDomainsToCertificate = TriOf(addresses != ""), TriOf(c.TLSSenderCertificateName != "")
	return c
}

func with(c InboundConnector, change func(*InboundConnector)) InboundConnector {
	change(&c)
	return c
}

func requireTLS(c *InboundConnector)   { c.RequireTLS = Yes }
func hybridWizard(c *InboundConnector) { c.Source = "HybridWizard" }
func disabled(c *InboundConnector)     { c.Enabled = No }

// arrival is written "address from > to", with "<>" for the null sender; names as for certificate, "" for none.
func arrival(t *testing.T, envelope, names string) InboundMessage {
	t.Helper()
	var address, from, to string
	if _, err := fmt.Sscanf(envelope, "%s %s > %s", &address, &from, &to); err != nil {
		t.Fatalf("%q: %v", envelope, err)
	}
	a := InboundMessage{Address: netip.MustParseAddr(address), TLS: true, MailFrom: strings.Trim(from, "<>"), RcptTo: to}
	if names != "" {
		a.Certificate = certificate(names)
	}
	return a
}

func TestAttribute(t *testing.T) {
	contoso := tenant("contoso", "contoso.com", with(onPremises("hybrid", "*.contoso.com", ""), hybridWizard))
	exact := tenant("exact", "exact.com", onPremises("mail", "mail.exact.com", ""))
	wizard := tenant("wizard", "wizard.com", with(onPremises("mail", "mail.wizard.com", ""), hybridWizard))
	printer := tenant("printer", "printer.com", onPremises("scanner", "-", "198.51.100.10"))
	sharedA := tenant("shared-a", "shared-a.com", onPremises("relay", "-", "203.0.113.0/24"))
	sharedB := tenant("shared-b", "shared-b.com", onPremises("relay", "-", "203.0.113.7"))
	relayA := tenant("relay-a", "relay-a.com", onPremises("service", "*.msp.com", ""))
	relayB := tenant("relay-b", "relay-b.com", onPremises("service", "gateway.msp.com", ""))
	msp := tenant("msp", "msp.com", onPremises("own", "*.msp.com", ""))
	both := tenant("both", "both.com", onPremises("both", "mail.both.com", "198.51.100.20"))
	many := tenant("many", "many.com", onPremises("one", "*.many.com", ""), onPremises("two", "-", "198.51.100.30"), onPremises("three", "mail.many.com", ""))
	sub := tenant("sub", ".sub.com", onPremises("mail", "mail.x.sub.com", ""))
	locked := tenant("locked", "locked.com", partner("gateway", "*", "", "198.51.100.40"))
	lockedOwn := tenant("locked-own", "locked-own.com", partner("gateway", "*", "", "198.51.100.40"), onPremises("own", "*.locked-own.com", ""))
	friends := tenant("friends", "friends.com", partner("friend", "smtp:friend.com;1 *.friend.com", "mail.friend.com", ""))
	tls := tenant("tls", "tls.com", with(partner("tls", "*", "", ""), requireTLS))
	strict := tenant("strict", "strict.com", with(onPremises("mail", "mail.strict.com", ""), requireTLS))
	off := tenant("off", "off.com", with(onPremises("off", "mail.off.com", "198.51.100.50"), disabled))
	wide := tenant("wide", "wide.com", onPremises("wide", "-", "198.51.0.0/16 2001:db8::1"))

	for _, test := range []struct {
		name      string
		tenants   []Tenant
		envelope  string
		names     string // of the certificate
		want      string // tenants / connector by ground, "relay" or not
		reply     string // its beginning
		fragile   string // a part of it, "" none
		uncertain string // a part of one, "" none
		trace     string // a part of a line
	}{
		{
			"wizard's wildcard",
			[]Tenant{exact, contoso},
			"192.0.2.1 contoso.com > elsewhere.org", "mail1.contoso.com",
			"contoso/hybrid by certificate, relay", "", "", "", `connector "hybrid" of contoso matches by certificate: mail1.contoso.com is one label below contoso.com`,
		},
		{"wildcard certificate, null sender", []Tenant{contoso}, "192.0.2.1 <> > elsewhere.org", "*.contoso.com", "contoso/hybrid by certificate, relay", "", "", "", "the certificate contains *.contoso.com"},
		{"a stranger's MAIL FROM is relayed with a certificate", []Tenant{contoso}, "192.0.2.1 stranger.net > elsewhere.org", "*.contoso.com", "contoso/hybrid by certificate, relay", "", "", "", ""},
		{"more than one label below", []Tenant{contoso}, "192.0.2.1 contoso.com > elsewhere.org", "a.b.contoso.com", "contoso/hybrid by certificate, relay", "", "", "more than one label", ""},
		{"only in the SAN", []Tenant{contoso}, "192.0.2.1 contoso.com > elsewhere.org", "edge.lan mail.contoso.com", "contoso/hybrid by certificate, relay", "", "", "SAN only", ""},
		{"immediate parent", []Tenant{exact}, "192.0.2.1 exact.com > elsewhere.org", "mail.exact.com", "exact/mail by certificate, relay", "", "parent exact.com is", "KB 4019940", ""},
		{"immediate parent, as the wizard makes it", []Tenant{wizard}, "192.0.2.1 wizard.com > elsewhere.org", "mail.wizard.com", "wizard/mail by certificate, relay", "", "", "KB 4019940", ""},
		{"renewed with another name", []Tenant{exact}, "192.0.2.1 exact.com > elsewhere.org", "edge.exact.com", "/ by none", "550 5.7.64 TenantAttribution; Relay Access Denied", "", "5.7.64", "no enabled OnPremises connector matches"},
		{"printer", []Tenant{printer, contoso}, "198.51.100.10 printer.com > elsewhere.org", "", "printer/scanner by mail_from, relay", "", "", "", "198.51.100.10 is in 198.51.100.10"},
		{"printer, null sender", []Tenant{printer}, "198.51.100.10 <> > elsewhere.org", "", "/ by none", "550 5.7.64 TenantAttribution; Relay Access Denied ATTR36", "", "5.7.64", "null sender"},
		{"printer, foreign sender", []Tenant{printer, contoso}, "198.51.100.10 contoso.com > elsewhere.org", "", "/ by none", replyNotAccepted, "", "5.7.64", "contoso accepts contoso.com, but none of its connectors matches"},
		{"printer, to its own", []Tenant{printer}, "198.51.100.10 <> > printer.com", "", "printer/scanner by rcpt_to", "", "", "", ""},
		{"printer, IPv4 in IPv6", []Tenant{printer}, "::ffff:198.51.100.10 printer.com > elsewhere.org", "", "printer/scanner by mail_from, relay", "", "", "", ""},
		{"printer, over IPv6", []Tenant{printer}, "2001:db8::1 printer.com > elsewhere.org", "", "/ by none", replyRelay, "", "5.7.64", ""},
		{"shared address", []Tenant{sharedA, sharedB}, "203.0.113.7 shared-b.com > elsewhere.org", "", "shared-b/relay by mail_from, relay", "", "203.0.113.7 is also in 203.0.113.0/24 of connector \"relay\" of shared-a", "", ""},
		{"shared address, null sender", []Tenant{sharedA, sharedB}, "203.0.113.7 <> > shared-a.com", "", "shared-a/relay by rcpt_to", "", "of shared-b", "", ""},
		{"beside the shared address", []Tenant{sharedA, sharedB}, "203.0.113.8 shared-a.com > elsewhere.org", "", "shared-a/relay by mail_from, relay", "", "", "", ""},
		{"a relay's certificate", []Tenant{relayA, relayB}, "192.0.2.1 relay-b.com > elsewhere.org", "gateway.msp.com", "relay-b/service by mail_from, relay", "", "no accepted domain of relay-b", "", ""},
		{"a relay's certificate, null sender to its own", []Tenant{relayB}, "192.0.2.1 <> > relay-b.com", "gateway.msp.com", "relay-b/service by rcpt_to", "", "only RCPT TO", "", ""},
		{"a relay's certificate, and the relay is a tenant", []Tenant{relayA, relayB, msp}, "192.0.2.1 relay-b.com > elsewhere.org", "gateway.msp.com", "msp/own by certificate, relay", "", "", "", ""},
		{"that tenant has no connector", []Tenant{relayB, tenant("msp", "msp.com")}, "192.0.2.1 relay-b.com > elsewhere.org", "gateway.msp.com", "relay-b/service by mail_from, relay", "", "no accepted domain", "without a connector", ""},
		{"a documented relation before a doubtful one", []Tenant{contoso, exact}, "192.0.2.1 exact.com > elsewhere.org", "mail.contoso.com mail.exact.com", "contoso/hybrid by certificate, relay", "", "", "", ""},
		{"two tenants in one certificate, alike", []Tenant{contoso, relayA, msp}, "192.0.2.1 contoso.com > elsewhere.org", "*.contoso.com *.msp.com", "contoso+msp/ by certificate, relay", "", "", "", "ambiguous: contoso, msp"},
		{"a domain of two tenants", []Tenant{printer, tenant("copy", "printer.com", onPremises("c", "-", "198.51.100.10"))}, "198.51.100.10 printer.com > elsewhere.org", "", "printer+copy/ by mail_from, relay", "", "", "", "ambiguous"},
		{"name and address, by address", []Tenant{both}, "198.51.100.20 both.com > elsewhere.org", "", "both/both by mail_from, relay", "", "", "certificate name and addresses", ""},
		{"certificate before address", []Tenant{many}, "198.51.100.30 many.com > elsewhere.org", "mail.many.com", "many/one by certificate, relay", "", "", "3 connectors of many match", ""},
		{"below MatchSubDomains", []Tenant{sub}, "192.0.2.1 y.sub.com > elsewhere.org", "mail.x.sub.com", "sub/mail by certificate, relay", "", "", "MatchSubDomains", ""},
		{"to a sub-domain", []Tenant{sub}, "192.0.2.1 stranger.net > y.sub.com", "", "sub/ by rcpt_to", "", "", "", ""},
		{"ordinary mail", []Tenant{contoso}, "192.0.2.1 stranger.net > contoso.com", "", "contoso/ by rcpt_to", "", "", "", "nothing is relayed"},
		{"Direct Send", []Tenant{contoso}, "192.0.2.1 contoso.com > contoso.com", "", "contoso/ by rcpt_to", "", "", "", "with RejectDirectSend"},
		{"locked out", []Tenant{locked}, "192.0.2.1 stranger.net > locked.com", "", "locked/gateway by rcpt_to", "550 5.7.51", "", "", "192.0.2.1 is not in its SenderIPAddresses"},
		{"through the gateway", []Tenant{locked}, "198.51.100.40 stranger.net > locked.com", "", "locked/gateway by rcpt_to", "", "", "", "conditions are met"},
		{"own server beside a lock", []Tenant{lockedOwn}, "192.0.2.1 locked-own.com > locked-own.com", "*.locked-own.com", "locked-own/own by certificate, relay", "", "", "Partner connector \"gateway\" would refuse", ""},
		{"friend with the certificate", []Tenant{friends}, "192.0.2.1 friend.com > friends.com", "mail.friend.com", "friends/friend by rcpt_to", "", "", "", ""},
		{"friend without", []Tenant{friends}, "192.0.2.1 sub.friend.com > friends.com", "", "friends/friend by rcpt_to", "550 5.7.51", "", "", "no valid client certificate"},
		{"no friend", []Tenant{friends}, "192.0.2.1 foe.com > friends.com", "", "friends/ by rcpt_to", "", "", "", ""},
		{"partner over TLS", []Tenant{tls}, "192.0.2.1 stranger.net > tls.com", "", "tls/tls by rcpt_to", "", "", "", ""},
		{"a connector turned off", []Tenant{off}, "198.51.100.50 off.com > elsewhere.org", "mail.off.com", "/ by none", replyRelay, "", "5.7.64", ""},
		{"ranges that Microsoft does not take", []Tenant{wide}, "198.51.100.50 wide.com > elsewhere.org", "", "/ by none", replyRelay, "", "5.7.64", ""},
		{"a valid certificate", []Tenant{strict}, "192.0.2.1 strict.com > elsewhere.org", "mail.strict.com", "strict/mail by certificate, relay", "", "its parent", "KB 4019940", ""},
		{"no tenant at all", nil, "192.0.2.1 a.com > b.com", "mail.a.com", "/ by none", replyRelay, "", "5.7.64", "no configured tenant accepts"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Attribute(test.tenants, arrival(t, test.envelope, test.names))
			summary := fmt.Sprintf("%s/%s by %s", strings.Join(got.Tenants, "+"), got.Connector, string(got.Basis))
			if got.Relay {
				summary += ", relay"
			}
			trace := strings.Join(got.Trace, "\n")
			if summary != test.want || !strings.HasPrefix(got.Reply, test.reply) || (got.Reply == "") != (test.reply == "") ||
				!says(got.Risk, test.fragile) || !says(strings.Join(got.Uncertain, "\n"), test.uncertain) || !strings.Contains(trace, test.trace) {
				t.Errorf("got %s\nreply %q\nfragile %q\nuncertain %q\ntrace\n%s\nwant %s, %q", summary, got.Reply, got.Risk, got.Uncertain, trace, test.want, test.reply)
			}
		})
	}
}

// says: a part is in the text, and nothing in it where no part is wanted.
func says(text, part string) bool {
	return strings.Contains(text, part) && (text == "") == (part == "")
}

func TestAttributeBadCertificate(t *testing.T) {
	bad := certificate("mail.contoso.com")
	bad.Valid = No
	for _, test := range []struct {
		name    string
		connect InboundConnector
		reply   string
	}{
		{"connector requires TLS", with(onPremises("c", "mail.contoso.com", ""), requireTLS), replyUntrusted},
		{"it does not", onPremises("c", "mail.contoso.com", ""), replyRelay},
		{"another name", with(onPremises("c", "edge.contoso.com", ""), requireTLS), replyRelay},
		{"the address carries it", with(onPremises("c", "mail.contoso.com", "192.0.2.1"), requireTLS), ""},
	} {
		a := arrival(t, "192.0.2.1 contoso.com > elsewhere.org", "")
		a.Certificate = bad
		got := Attribute([]Tenant{tenant("contoso", "contoso.com", test.connect)}, a)
		if got.Reply != test.reply || got.Basis == BasisCertificate {
			t.Errorf("%s: %q by %s\n%s", test.name, got.Reply, got.Basis, strings.Join(got.Trace, "\n"))
		}
	}
	bad.Valid = Unknown
	a := arrival(t, "192.0.2.1 contoso.com > elsewhere.org", "")
	a.Certificate = bad
	got := Attribute([]Tenant{tenant("contoso", "contoso.com", onPremises("c", "mail.contoso.com", ""))}, a)
	if got.Basis != BasisCertificate || !strings.Contains(got.Trace[0], "validity is not known") {
		t.Errorf("unjudged: %+v", got)
	}
}

func TestAttributeWithoutTLS(t *testing.T) {
	a := arrival(t, "192.0.2.1 stranger.net > contoso.com", "")
	a.TLS = false
	got := Attribute([]Tenant{tenant("contoso", "contoso.com", with(partner("p", "*", "", ""), requireTLS))}, a)
	if got.Reply != replyTLS {
		t.Errorf("partner: %+v", got)
	}
	got = Attribute([]Tenant{tenant("contoso", "contoso.com", with(onPremises("p", "-", "192.0.2.1"), requireTLS))}, a)
	if got.Reply != "" || !says(strings.Join(got.Uncertain, ""), "requires TLS") {
		t.Errorf("own server: %+v", got)
	}
}

func TestTraceIsBounded(t *testing.T) {
	var tenants []Tenant
	var names []string
	for i := range 200 {
		name := fmt.Sprintf("t%d.com", i)
		tenants = append(tenants, tenant(name, name+" shared.com", onPremises("c", "*."+name, "192.0.2.1")))
		names = append(names, "mail."+name)
	}
	got := Attribute(tenants, arrival(t, "192.0.2.1 shared.com > elsewhere.org", strings.Join(names, " ")))
	if len(got.Trace) != MaxTrace || got.Trace[MaxTrace-1] != "further steps are omitted" || len(got.Tenants) != 200 {
		t.Errorf("%d lines, %d tenants, last %q", len(got.Trace), len(got.Tenants), got.Trace[len(got.Trace)-1])
	}
	got = Attribute(tenants, arrival(t, "192.0.2.1 shared.com > elsewhere.org", ""))
	if len(got.Tenants) != maxOwners {
		t.Errorf("%d owners of one domain", len(got.Tenants))
	}
}

func TestSenderAttributions(t *testing.T) {
	tenants := []Tenant{
		tenant("contoso", "contoso.com contoso.net", onPremises("cert", "*.contoso.com", ""), onPremises("ip", "-", "198.51.100.0/25"),
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
			Sender{Connector: "cert", ClientCertificate: certificate("mail.contoso.com"), MailFromDomains: []string{"contoso.com", "contoso.net"}},
			"contoso.com, contoso.net certificate true;  certificate true",
		},
		{"an unknown certificate", 0, Sender{Connector: "cert", MailFromDomains: []string{"contoso.com"}}, ""},
		{
			"addresses that fare alike", 0,
			Sender{Connector: "ip", Addresses: prefix("198.51.100.0/27", "198.51.100.9/32"), MailFromDomains: []string{"contoso.com"}},
			"198.51.100.0 contoso.com mail_from true; 198.51.100.0  none false",
		},
		{
			"a network that sticks out", 0,
			Sender{Connector: "ip", Addresses: prefix("198.51.100.0/24"), MailFromDomains: []string{"contoso.com"}},
			"198.51.100.0 contoso.com mail_from true; 198.51.100.255 contoso.com none false; 198.51.100.0  none false; 198.51.100.255  none false",
		},
		{
			"internal", 0,
			Sender{Connector: "ip", Relays: "internal", Addresses: prefix("198.51.100.1/32"), MailFromDomains: []string{"contoso.com"}},
			"198.51.100.1 contoso.com mail_from true; 198.51.100.1  rcpt_to true",
		},
		{
			"by address, assumed to present what another connector asks for", 0,
			Sender{Connector: "ip", Assumed: true, ClientCertificate: certificate("mail.contoso.com"), Addresses: prefix("198.51.100.1/32"), MailFromDomains: []string{"contoso.com"}},
			"198.51.100.1 contoso.com mail_from true; 198.51.100.1  none false",
		},
		{"turned off", 0, Sender{Connector: "off", Addresses: prefix("198.51.100.1/32")}, ""},
		{
			"a partner", 0,
			Sender{Connector: "partner", Addresses: prefix("203.0.113.9/32"), MailFromDomains: []string{"friend.com"}},
			"203.0.113.9 friend.com rcpt_to true; 203.0.113.9  rcpt_to false",
		},
		{"no accepted domain", 1, Sender{Connector: "ip", Addresses: prefix("198.51.100.1/32")}, ""},
		{"no such connector", 0, Sender{Connector: "gone"}, ""},
	} {
		var got []string
		for _, a := range SenderAttributions(d, &tenants[test.tenant], &test.sender) {
			address := ""
			if a.Message.Address.IsValid() {
				address = a.Message.Address.String() + " "
			}
			got = append(got, fmt.Sprintf("%s%s %s %t", address, a.From(), string(a.Basis), a.Reaches("contoso", test.sender.Connector)))
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

func FuzzAttribute(f *testing.F) {
	f.Add("contoso.com", "*.contoso.com", "198.51.100.0/24", "mail.contoso.com", "contoso.com", "198.51.100.10", byte(2))
	f.Add(".contoso.com", "<I>CN=a<S>CN=b.com", "::/0", "*.b.com", "", "::ffff:198.51.100.10", byte(1))
	f.Add("", "*", "-", "", "x", "fe80::1%a", byte(0))
	f.Fuzz(func(t *testing.T, domain, value, addresses, name, from, ip string, valid byte) {
		address, _ := netip.ParseAddr(ip)
		a := InboundMessage{Address: address, Certificate: &ClientCertificate{CommonName: name, DNSNames: []string{from, domain}, Valid: Tri(valid % 3)}, MailFrom: from, RcptTo: domain}
		tenants := []Tenant{
			tenant("a", domain, onPremises("a", value, addresses), partner("p", from, value, addresses)),
			tenant("b", from+" "+name, onPremises("b", name, ip), onPremises("c", domain, "")),
		}
		before, _ := json.Marshal(tenants)
		got := Attribute(tenants, a)
		if again := Attribute(tenants, a); !reflect.DeepEqual(got, again) {
			t.Errorf("%+v\nthen %+v", got, again)
		}
		if after, _ := json.Marshal(tenants); string(after) != string(before) {
			t.Error("the tenants were changed")
		}
		if len(got.Trace) > MaxTrace || (got.Basis == BasisNone) != (len(got.Tenants) == 0) || got.Relay && got.Basis == BasisRcptTo {
			t.Errorf("%+v", got)
		}
	})
}

func TestRivalsAndDoubts(t *testing.T) {
	alike := tenant("alike", "alike.com", onPremises("one", "*.alike.com", ""), onPremises("two", "mail.alike.com", ""), onPremises("three", "-", "192.0.2.0/24"),
		onPremises("four", "-", "192.0.2.1"))
	for _, test := range []struct{ envelope, names, rivals, doubts string }{
		{"192.0.2.1 alike.com > elsewhere.org", "mail.alike.com", "two", "4 connectors of alike match"},
		{"192.0.2.1 alike.com > elsewhere.org", "", "four", "2 connectors of alike match"},
		{"192.0.2.9 alike.com > elsewhere.org", "", "", ""},
		{"203.0.113.1 alike.com > elsewhere.org", "", "", ""}, // refused: only its wording is uncertain
	} {
		got := Attribute([]Tenant{alike}, arrival(t, test.envelope, test.names))
		if strings.Join(got.AlsoMatching, " ") != test.rivals || !says(strings.Join(got.VerdictUncertainties(), "\n"), test.doubts) {
			t.Errorf("%s, %q: rivals %q, doubts %q", test.envelope, test.names, got.AlsoMatching, got.VerdictUncertainties())
		}
	}
}
