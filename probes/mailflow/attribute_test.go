package mailflow

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

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
	many := tenant("many", "many.com", onPremises("one", "*.many.com", ""), onPremises("two", "-", "198.51.100.30"),
		onPremises("three", "mail.many.com", ""))
	sub := tenant("sub", ".sub.com", onPremises("mail", "mail.x.sub.com", ""))
	locked := tenant("locked", "locked.com", partner("gateway", "*", "", "198.51.100.40"))
	lockedOwn := tenant("locked-own", "locked-own.com", partner("gateway", "*", "", "198.51.100.40"), onPremises("own",
		"*.locked-own.com", ""))
	friends := tenant("friends", "friends.com", partner("friend", "smtp:friend.com;1 *.friend.com", "mail.friend.com",
		""))
	tls := tenant("tls", "tls.com", with(partner("tls", "*", "", ""), requireTLS))
	strict := tenant("strict", "strict.com", with(onPremises("mail", "mail.strict.com", ""), requireTLS))
	off := tenant("off", "off.com", with(onPremises("off", "mail.off.com", "198.51.100.50"), disabled))
	wide := tenant("wide", "wide.com", onPremises("wide", "-", "198.51.0.0/16 2001:db8::1"))

	for _, test := range []struct {
		name      string
		tenants   []Tenant
		envelope  string
		names     string // of the certificate
		want      string // tenants / connector by criterion, "relay" or not
		reply     string // its beginning
		risk      string // a part of it, "" none
		uncertain string // a part of one, "" none
		trace     string // a part of a line
	}{
		{
			name: "wizard's wildcard", tenants: []Tenant{exact, contoso},
			envelope: "192.0.2.1 contoso.com > elsewhere.org", names: "mail1.contoso.com",
			want:  "contoso/hybrid by certificate, relay",
			trace: `connector "hybrid" of contoso matches by certificate: mail1.contoso.com is one label below contoso.com`,
		},
		{
			name: "wildcard certificate, null sender", tenants: []Tenant{contoso},
			envelope: "192.0.2.1 <> > elsewhere.org", names: "*.contoso.com",
			want: "contoso/hybrid by certificate, relay", trace: "the certificate contains *.contoso.com",
		},
		{
			name: "a foreign MAIL FROM is relayed with a certificate", tenants: []Tenant{contoso},
			envelope: "192.0.2.1 external.net > elsewhere.org", names: "*.contoso.com",
			want: "contoso/hybrid by certificate, relay",
		},
		{
			name: "more than one label below", tenants: []Tenant{contoso},
			envelope: "192.0.2.1 contoso.com > elsewhere.org", names: "a.b.contoso.com",
			want: "contoso/hybrid by certificate, relay", uncertain: "more than one label",
		},
		{
			name: "only in the SAN", tenants: []Tenant{contoso}, envelope: "192.0.2.1 contoso.com > elsewhere.org",
			names: "edge.lan mail.contoso.com", want: "contoso/hybrid by certificate, relay", uncertain: "SAN only",
		},
		{
			name: "immediate parent", tenants: []Tenant{exact}, envelope: "192.0.2.1 exact.com > elsewhere.org",
			names: "mail.exact.com", want: "exact/mail by certificate, relay", risk: "parent exact.com is",
			uncertain: "KB 4019940",
		},
		{
			name: "immediate parent, as the wizard makes it", tenants: []Tenant{wizard},
			envelope: "192.0.2.1 wizard.com > elsewhere.org", names: "mail.wizard.com",
			want: "wizard/mail by certificate, relay", uncertain: "KB 4019940",
		},
		{
			name: "renewed with another name", tenants: []Tenant{exact},
			envelope: "192.0.2.1 exact.com > elsewhere.org", names: "edge.exact.com", want: "/ by none",
			reply: "550 5.7.64 TenantAttribution; Relay Access Denied", uncertain: "5.7.64",
			trace: "no enabled OnPremises connector matches",
		},
		{
			name: "printer", tenants: []Tenant{printer, contoso},
			envelope: "198.51.100.10 printer.com > elsewhere.org", want: "printer/scanner by mail_from, relay",
			trace: "198.51.100.10 is in 198.51.100.10",
		},
		{
			name: "printer, null sender", tenants: []Tenant{printer}, envelope: "198.51.100.10 <> > elsewhere.org",
			want: "/ by none", reply: "550 5.7.64 TenantAttribution; Relay Access Denied ATTR36",
			uncertain: "5.7.64", trace: "null sender",
		},
		{
			name: "printer, foreign sender", tenants: []Tenant{printer, contoso},
			envelope: "198.51.100.10 contoso.com > elsewhere.org", want: "/ by none", reply: replyNotAccepted,
			uncertain: "5.7.64", trace: "contoso accepts contoso.com, but none of its connectors matches",
		},
		{
			name: "printer, to its own", tenants: []Tenant{printer}, envelope: "198.51.100.10 <> > printer.com",
			want: "printer/scanner by rcpt_to",
		},
		{
			name: "printer, IPv4 in IPv6", tenants: []Tenant{printer},
			envelope: "::ffff:198.51.100.10 printer.com > elsewhere.org",
			want:     "printer/scanner by mail_from, relay",
		},
		{
			name: "printer, over IPv6", tenants: []Tenant{printer},
			envelope: "2001:db8::1 printer.com > elsewhere.org", want: "/ by none", reply: replyRelay,
			uncertain: "5.7.64",
		},
		{
			name: "shared address", tenants: []Tenant{sharedA, sharedB},
			envelope: "203.0.113.7 shared-b.com > elsewhere.org", want: "shared-b/relay by mail_from, relay",
			risk: "203.0.113.7 is also in 203.0.113.0/24 of connector \"relay\" of shared-a",
		},
		{
			name: "shared address, null sender", tenants: []Tenant{sharedA, sharedB},
			envelope: "203.0.113.7 <> > shared-a.com", want: "shared-a/relay by rcpt_to", risk: "of shared-b",
		},
		{
			name: "beside the shared address", tenants: []Tenant{sharedA, sharedB},
			envelope: "203.0.113.8 shared-a.com > elsewhere.org", want: "shared-a/relay by mail_from, relay",
		},
		{
			name: "a relay's certificate", tenants: []Tenant{relayA, relayB},
			envelope: "192.0.2.1 relay-b.com > elsewhere.org", names: "gateway.msp.com",
			want: "relay-b/service by mail_from, relay", risk: "no accepted domain of relay-b",
		},
		{
			name: "a relay's certificate, null sender to its own", tenants: []Tenant{relayB},
			envelope: "192.0.2.1 <> > relay-b.com", names: "gateway.msp.com", want: "relay-b/service by rcpt_to",
			risk: "only RCPT TO",
		},
		{
			name: "a relay's certificate, and the relay is a tenant", tenants: []Tenant{relayA, relayB, msp},
			envelope: "192.0.2.1 relay-b.com > elsewhere.org", names: "gateway.msp.com",
			want: "msp/own by certificate, relay",
		},
		{
			name: "that tenant has no connector", tenants: []Tenant{relayB, tenant("msp", "msp.com")},
			envelope: "192.0.2.1 relay-b.com > elsewhere.org", names: "gateway.msp.com",
			want: "relay-b/service by mail_from, relay", risk: "no accepted domain",
			uncertain: "without a connector",
		},
		{
			name: "a documented relation before a doubtful one", tenants: []Tenant{contoso, exact},
			envelope: "192.0.2.1 exact.com > elsewhere.org", names: "mail.contoso.com mail.exact.com",
			want: "contoso/hybrid by certificate, relay",
		},
		{
			name: "two tenants in one certificate", tenants: []Tenant{contoso, relayA, msp},
			envelope: "192.0.2.1 contoso.com > elsewhere.org", names: "*.contoso.com *.msp.com",
			want: "contoso+msp/ by certificate, relay", trace: "ambiguous: contoso, msp",
		},
		{
			name:     "a domain of two tenants",
			tenants:  []Tenant{printer, tenant("copy", "printer.com", onPremises("c", "-", "198.51.100.10"))},
			envelope: "198.51.100.10 printer.com > elsewhere.org", want: "printer+copy/ by mail_from, relay",
			trace: "ambiguous",
		},
		{
			name: "name and address, by address", tenants: []Tenant{both},
			envelope: "198.51.100.20 both.com > elsewhere.org", want: "both/both by mail_from, relay",
			uncertain: "certificate name and addresses",
		},
		{
			name: "certificate before address", tenants: []Tenant{many},
			envelope: "198.51.100.30 many.com > elsewhere.org", names: "mail.many.com",
			want: "many/one by certificate, relay", uncertain: "3 connectors of many match",
		},
		{
			name: "below MatchSubDomains", tenants: []Tenant{sub}, envelope: "192.0.2.1 y.sub.com > elsewhere.org",
			names: "mail.x.sub.com", want: "sub/mail by certificate, relay", uncertain: "MatchSubDomains",
		},
		{
			name: "to a sub-domain", tenants: []Tenant{sub}, envelope: "192.0.2.1 external.net > y.sub.com",
			want: "sub/ by rcpt_to",
		},
		{
			name: "ordinary mail", tenants: []Tenant{contoso}, envelope: "192.0.2.1 external.net > contoso.com",
			want: "contoso/ by rcpt_to", trace: "nothing is relayed",
		},
		{
			name: "Direct Send", tenants: []Tenant{contoso}, envelope: "192.0.2.1 contoso.com > contoso.com",
			want: "contoso/ by rcpt_to", trace: "with RejectDirectSend",
		},
		{
			name: "refused by the Partner connector", tenants: []Tenant{locked},
			envelope: "192.0.2.1 external.net > locked.com",
			want:     "locked/gateway by rcpt_to", reply: "550 5.7.51", uncertain: "step of 5.7.51",
			trace: "192.0.2.1 is not in its SenderIPAddresses",
		},
		{
			name: "through the gateway", tenants: []Tenant{locked},
			envelope: "198.51.100.40 external.net > locked.com", want: "locked/gateway by rcpt_to",
			trace: "conditions are met",
		},
		{
			name: "own server beside a lock", tenants: []Tenant{lockedOwn},
			envelope: "192.0.2.1 locked-own.com > locked-own.com", names: "*.locked-own.com",
			want: "locked-own/own by certificate, relay", uncertain: "Partner connector \"gateway\" would refuse",
		},
		{
			name: "partner with the certificate", tenants: []Tenant{friends},
			envelope: "192.0.2.1 friend.com > friends.com", names: "mail.friend.com",
			want: "friends/friend by rcpt_to",
		},
		{
			name: "partner without the certificate", tenants: []Tenant{friends},
			envelope: "192.0.2.1 sub.friend.com > friends.com",
			want:     "friends/friend by rcpt_to", reply: "550 5.7.51", trace: "no valid client certificate",
			uncertain: "step of 5.7.51",
		},
		{
			name: "another sender", tenants: []Tenant{friends}, envelope: "192.0.2.1 other.com > friends.com",
			want: "friends/ by rcpt_to",
		},
		{
			name: "partner over TLS", tenants: []Tenant{tls}, envelope: "192.0.2.1 external.net > tls.com",
			want: "tls/tls by rcpt_to",
		},
		{
			name: "a disabled connector", tenants: []Tenant{off},
			envelope: "198.51.100.50 off.com > elsewhere.org", names: "mail.off.com", want: "/ by none",
			reply: replyRelay, uncertain: "5.7.64",
		},
		{
			name: "ranges that Exchange Online does not accept", tenants: []Tenant{wide},
			envelope: "198.51.100.50 wide.com > elsewhere.org", want: "/ by none", reply: replyRelay,
			uncertain: "5.7.64",
		},
		{
			name: "a valid certificate", tenants: []Tenant{strict},
			envelope: "192.0.2.1 strict.com > elsewhere.org", names: "mail.strict.com",
			want: "strict/mail by certificate, relay", risk: "its parent", uncertain: "KB 4019940",
		},
		{
			name: "no tenants", tenants: nil, envelope: "192.0.2.1 a.com > b.com", names: "mail.a.com",
			want: "/ by none", reply: replyRelay, uncertain: "5.7.64", trace: "no configured tenant accepts",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Attribute(test.tenants, message(t, test.envelope, test.names))
			summary := fmt.Sprintf("%s/%s by %s", strings.Join(got.Tenants, "+"), got.Connector, string(got.Basis))
			if got.Relay {
				summary += ", relay"
			}
			trace := strings.Join(got.Trace, "\n")
			if summary != test.want || !strings.HasPrefix(got.Reply, test.reply) || (got.Reply == "") != (test.reply == "") ||
				!hasPart(got.Risk, test.risk) || !hasPart(strings.Join(got.Uncertain, "\n"), test.uncertain) ||
				!strings.Contains(trace, test.trace) {
				t.Errorf("got %s\nreply %q\nfragile %q\nuncertain %q\ntrace\n%s\nwant %s, %q", summary, got.Reply, got.Risk,
					got.Uncertain, trace, test.want, test.reply)
			}
		})
	}
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
		a := message(t, "192.0.2.1 contoso.com > elsewhere.org", "")
		a.Certificate = bad
		got := Attribute([]Tenant{tenant("contoso", "contoso.com", test.connect)}, a)
		if got.Reply != test.reply || got.Basis == BasisCertificate {
			t.Errorf("%s: %q by %s\n%s", test.name, got.Reply, got.Basis, strings.Join(got.Trace, "\n"))
		}
	}
	bad.Valid = Unknown
	a := message(t, "192.0.2.1 contoso.com > elsewhere.org", "")
	a.Certificate = bad
	got := Attribute([]Tenant{tenant("contoso", "contoso.com", onPremises("c", "mail.contoso.com", ""))}, a)
	if got.Basis != BasisCertificate || !strings.Contains(got.Trace[0], "validity is not known") {
		t.Errorf("unjudged: %+v", got)
	}
}

func TestAttributeWithoutTLS(t *testing.T) {
	a := message(t, "192.0.2.1 external.net > contoso.com", "")
	a.TLS = false
	got := Attribute([]Tenant{tenant("contoso", "contoso.com", with(partner("p", "*", "", ""), requireTLS))}, a)
	if got.Reply != replyTLS {
		t.Errorf("partner: %+v", got)
	}
	got = Attribute([]Tenant{tenant("contoso", "contoso.com", with(onPremises("p", "-", "192.0.2.1"), requireTLS))}, a)
	if got.Reply != "" || !hasPart(strings.Join(got.Uncertain, ""), "requires TLS") {
		t.Errorf("own server: %+v", got)
	}
}

func TestTraceOfNoMatch(t *testing.T) {
	tenants := []Tenant{tenant("exact", "exact.com", onPremises("c", "exact.com", ""))}
	for _, test := range []struct {
		address netip.Addr
		want    string
	}{
		{netip.Addr{}, "matches the certificate; the address is unknown"},
		{netip.MustParseAddr("192.0.2.1"), "matches the certificate or 192.0.2.1"},
	} {
		a := message(t, "192.0.2.1 exact.com > elsewhere.org", "edge.exact.com")
		a.Address = test.address
		trace := strings.Join(Attribute(tenants, a).Trace, "\n")
		for _, want := range []string{test.want, "its parent exact.com is (KB 4019940), of exact; none of its connectors"} {
			if !strings.Contains(trace, want) {
				t.Errorf("no %q in:\n%s", want, trace)
			}
		}
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
	got := Attribute(tenants, message(t, "192.0.2.1 shared.com > elsewhere.org", strings.Join(names, " ")))
	if len(got.Trace) != MaxTrace || got.Trace[MaxTrace-1] != "further steps are omitted" || len(got.Tenants) != 200 {
		t.Errorf("%d lines, %d tenants, last %q", len(got.Trace), len(got.Tenants), got.Trace[len(got.Trace)-1])
	}
	got = Attribute(tenants, message(t, "192.0.2.1 shared.com > elsewhere.org", ""))
	if len(got.Tenants) != maxOwners {
		t.Errorf("%d owners of one domain", len(got.Tenants))
	}
}

func FuzzAttribute(f *testing.F) {
	f.Add("contoso.com", "*.contoso.com", "198.51.100.0/24", "mail.contoso.com", "contoso.com", "198.51.100.10", byte(2))
	f.Add(".contoso.com", "<I>CN=a<S>CN=b.com", "::/0", "*.b.com", "", "::ffff:198.51.100.10", byte(1))
	f.Add("", "*", "-", "", "x", "fe80::1%a", byte(0))
	f.Fuzz(func(t *testing.T, domain, value, addresses, name, from, ip string, valid byte) {
		address, _ := netip.ParseAddr(ip)
		a := InboundMessage{Address: address, Certificate: &ClientCertificate{CommonName: name, DNSNames: []string{
			from,
			domain,
		}, Valid: Tri(valid % 3)}, MailFrom: from, RcptTo: domain}
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
		if len(got.Trace) > MaxTrace || (got.Basis == BasisNone) != (len(got.Tenants) == 0) || got.Relay &&
			got.Basis == BasisRcptTo {
			t.Errorf("%+v", got)
		}
	})
}

func TestAlsoMatchingAndUncertainties(t *testing.T) {
	alike := tenant("alike", "alike.com", onPremises("one", "*.alike.com", ""), onPremises("two", "mail.alike.com", ""),
		onPremises("three", "-", "192.0.2.0/24"),
		onPremises("four", "-", "192.0.2.1"))
	for _, test := range []struct{ envelope, names, alsoMatching, uncertain string }{
		{"192.0.2.1 alike.com > elsewhere.org", "mail.alike.com", "two", "4 connectors of alike match"},
		{"192.0.2.1 alike.com > elsewhere.org", "", "four", "2 connectors of alike match"},
		{"192.0.2.9 alike.com > elsewhere.org", "", "", ""},
		{"203.0.113.1 alike.com > elsewhere.org", "", "", ""}, // refused: only its wording is uncertain
	} {
		got := Attribute([]Tenant{alike}, message(t, test.envelope, test.names))
		if strings.Join(got.AlsoMatching, " ") != test.alsoMatching || !hasPart(strings.Join(got.VerdictUncertainties(),
			"\n"), test.uncertain) {
			t.Errorf("%s, %q: also matching %q, uncertain %q", test.envelope, test.names, got.AlsoMatching,
				got.VerdictUncertainties())
		}
	}
}
