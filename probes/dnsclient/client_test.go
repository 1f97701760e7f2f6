package dnsclient

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

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// summary prints targets as one comparable line: each host with its addresses, or with its reason.
func summary(targets []Target) string {
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

func TestNextHop(t *testing.T) {
	server, err := lab.StartDNS(zone)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, tt := range []struct {
		name     string
		protocol probes.IPProtocol
		want     string
	}{
		{"plain.test", probes.IPAny, "plain.test 192.0.2.1 2001:db8::1"},
		{"plain.test", probes.IP4, "plain.test 192.0.2.1"},
		{"plain.test", probes.IP6, "plain.test 2001:db8::1"},
		{"PLAIN.test.", probes.IP4, "plain.test 192.0.2.1"},
		{"alias.test", probes.IP4, "alias.test 192.0.2.1"},
		{"routed.test", probes.IPAny, "a.test 192.0.2.10; b.test 192.0.2.11; gone.test nxdomain"},
		{"null.test", probes.IPAny, "null.test null_mx"},
		{"empty.test", probes.IPAny, "empty.test no_address"},
		{"none.test", probes.IPAny, "none.test nxdomain"},
		{"servfail-x.test", probes.IPAny, "servfail-x.test dns_servfail"},
		{"loop1.test", probes.IPAny, "loop1.test cname_loop"},
		{"not a name", probes.IPAny, "not a name nxdomain"},
	} {
		targets := New(nil).NextHop(t.Context(), tt.name, Options{Servers: []string{server.Addr()}, Protocol: tt.protocol})
		if got := summary(targets); got != tt.want {
			t.Errorf("%s (%s): %s; want %s", tt.name, tt.protocol, got, tt.want)
		}
	}
}

func TestHostDoesNotQueryMX(t *testing.T) {
	server, err := lab.StartDNS(zone)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	got := New([]string{server.Addr()}).Host(t.Context(), "routed.test", Options{Protocol: probes.IP4})
	if summary([]Target{got}) != "routed.test 192.0.2.99" {
		t.Errorf("%+v", got)
	}
}

func TestAtMostSixteenMXHostsAreLookedUp(t *testing.T) {
	var asked atomic.Int32
	server := oddDNS(t, func(w dns.ResponseWriter, q *dns.Msg) {
		name := q.Question[0].Name
		if q.Question[0].Qtype == dns.TypeMX {
			m := answer(q)
			for i := range 20 {
				header := dns.RR_Header{Name: name, Rrtype: dns.TypeMX, Class: dns.ClassINET}
				m.Answer = append(m.Answer, &dns.MX{Hdr: header, Preference: uint16(i), Mx: fmt.Sprintf("m%d.test.", i)})
			}
			_ = w.WriteMsg(m)
			return
		}
		asked.Add(1)
		_ = w.WriteMsg(answer(q, name+" 60 IN A 192.0.2.1"))
	})
	targets := New(nil).NextHop(t.Context(), "many.test", Options{Servers: []string{server}, Protocol: probes.IP4})
	if n := asked.Load(); n != probes.MaxEndpoints || len(targets) != 20 || targets[15].Host != "m15.test" ||
		targets[16].Addrs != nil {
		t.Errorf("%d hosts asked for: %s", n, summary(targets))
	}
}

func TestWithSystemServersKeepsWhatWasLearned(t *testing.T) {
	old := New([]string{"192.0.2.1:53"})
	old.health.recordAnswer("192.0.2.2:53", "mail.test.")
	next := old.WithSystemServers([]string{"192.0.2.2"})
	servers, err := next.servers(nil)
	if err != nil || fmt.Sprint(servers) != "[192.0.2.2:53]" || !next.health.answeredRecently("192.0.2.2:53") {
		t.Errorf("%v %v", servers, err)
	}
}
