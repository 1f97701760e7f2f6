package wire

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
)

const zone = `
plain.test.    60 IN A 192.0.2.1
plain.test.    60 IN AAAA 2001:db8::1
routed.test.   60 IN A 192.0.2.99
routed.test.   60 IN MX 20 b.test.
routed.test.   60 IN MX 10 a.test.
routed.test.   60 IN MX 30 gone.test.
a.test.        60 IN A 192.0.2.10
b.test.        60 IN A 192.0.2.11
null.test.     60 IN MX 0 .
empty.test.    60 IN TXT "nothing here"
alias.test.    60 IN CNAME plain.test.
loop1.test.    60 IN CNAME loop2.test.
loop2.test.    60 IN CNAME loop1.test.
`

// words prints targets as one comparable line each: host addresses, or host reason.
func words(targets []target) string {
	var lines []string
	for _, t := range targets {
		line := t.Host
		for _, a := range t.Addrs {
			line += " " + a.String()
		}
		if t.Step.Reason != "" {
			line += " " + string(t.Step.Reason)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

func TestResolve(t *testing.T) {
	defer goleak.VerifyNone(t)
	server, err := lab.StartDNS(zone)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	tests := []struct {
		hop, want string
		kind      probes.NextHopKind
		protocol  probes.IPProtocol
	}{
		{"plain.test", "plain.test 192.0.2.1 2001:db8::1", probes.NextHopSmartHost, probes.IPAny},
		{"plain.test", "plain.test 192.0.2.1", probes.NextHopSmartHost, probes.IP4},
		{"plain.test", "plain.test 2001:db8::1", probes.NextHopSmartHost, probes.IP6},
		{"alias.test", "alias.test 192.0.2.1", probes.NextHopSmartHost, probes.IP4},
		{"routed.test", "a.test 192.0.2.10; b.test 192.0.2.11; gone.test nxdomain", probes.NextHopSmartHost, probes.IPAny},
		{"routed.test", "a.test 192.0.2.10; b.test 192.0.2.11; gone.test nxdomain", probes.NextHopDomain, probes.IPAny},
		{"null.test", "null.test null_mx", probes.NextHopDomain, probes.IPAny},
		{"empty.test", "empty.test no_address", probes.NextHopSmartHost, probes.IPAny},
		{"none.test", "none.test nxdomain", probes.NextHopSmartHost, probes.IPAny},
		{"servfail-x.test", "servfail-x.test dns_servfail", probes.NextHopSmartHost, probes.IPAny},
		{"loop1.test", "loop1.test cname_loop", probes.NextHopSmartHost, probes.IPAny},
		{"[192.0.2.7]", "192.0.2.7 192.0.2.7", probes.NextHopSmartHost, probes.IPAny},
		{"[IPv6:2001:db8::7]", "2001:db8::7 2001:db8::7", probes.NextHopSmartHost, probes.IPAny},
		{"[192.0.2.7]", "192.0.2.7 family_unavailable", probes.NextHopSmartHost, probes.IP6},
		{"192.0.2.7", "192.0.2.7 192.0.2.7", probes.NextHopSmartHost, probes.IPAny},
		{"[2001:db8::7]", "2001:db8::7 2001:db8::7", probes.NextHopSmartHost, probes.IPAny},
		{"192.0.2.4/31", "192.0.2.4/31 192.0.2.4 192.0.2.5", probes.NextHopSmartHost, probes.IPAny},
	}
	for _, test := range tests {
		r := newResolver(nil, nil, nil)
		p := probes.Path{Kind: test.kind, NextHop: test.hop, Settings: probes.Settings{Protocol: test.protocol, DNSServers: []string{server.Addr()}}}
		targets, _ := r.resolveHop(t.Context(), &p)
		note(targets)
		if got := words(targets); got != test.want {
			t.Errorf("%s (%v, %s): %s; want %s", test.hop, test.kind, test.protocol, got, test.want)
		}
	}
}

func TestAtMostSixteenEndpoints(t *testing.T) {
	defer goleak.VerifyNone(t)
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "many.test. 60 IN A 192.0.2.%d\n", i+1)
	}
	server, err := lab.StartDNS(text.String())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p := probes.Path{NextHop: "many.test", Settings: probes.Settings{Protocol: probes.IP4, DNSServers: []string{server.Addr()}}}
	targets, notes := newResolver(nil, nil, nil).resolveHop(t.Context(), &p)
	if len(targets) != 1 || len(targets[0].Addrs) != probes.MaxEndpoints || len(notes) != 1 {
		t.Errorf("%s, notes %q", words(targets), notes)
	}
}

// TestManyExchangers: hosts that would never be probed are not looked up either, whoever lists them.
func TestManyExchangers(t *testing.T) {
	var asked atomic.Int32
	server := oddDNS(t, func(w dns.ResponseWriter, q *dns.Msg) {
		name := q.Question[0].Name
		if q.Question[0].Qtype == dns.TypeMX {
			m := answer(q)
			for i := range 20 {
				m.Answer = append(m.Answer, &dns.MX{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeMX, Class: dns.ClassINET}, Preference: uint16(i), Mx: fmt.Sprintf("m%d.test.", i)})
			}
			_ = w.WriteMsg(m)
			return
		}
		asked.Add(1)
		_ = w.WriteMsg(answer(q, name+" 60 IN A 192.0.2.1"))
	})
	p := probes.Path{NextHop: "many.test", Settings: probes.Settings{Protocol: probes.IP4, DNSServers: []string{server}}}
	targets, notes := newResolver(nil, nil, nil).resolveHop(t.Context(), &p)
	if n := asked.Load(); n != probes.MaxEndpoints || len(targets) != probes.MaxEndpoints || targets[15].Host != "m15.test" || len(notes) != 1 || notes[0] != "16 of 20 addresses probed" {
		t.Errorf("%d hosts asked for: %s, notes %q", n, words(targets), notes)
	}
}
