package smtpprobe

import (
	"fmt"
	"strings"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
)

// startDNS serves records on loopback.
func startDNS(t testing.TB, records string) string {
	t.Helper()
	server, err := lab.StartDNS(records)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server.Addr()
}

// summary prints endpoints as one comparable line: each host with its addresses, or with its reason.
func summary(endpoints []probes.Endpoint) string {
	var lines []string
	for i, e := range endpoints {
		line, address := e.Host, ""
		if e.Addr.IsValid() {
			address = " " + e.Addr.Addr().String()
		}
		if reason := e.Steps[probes.Resolve].Reason; reason != "" {
			address += " " + string(reason)
		}
		if i > 0 && endpoints[i-1].Host == e.Host {
			lines[len(lines)-1] += address
		} else {
			lines = append(lines, line+address)
		}
	}
	return strings.Join(lines, "; ")
}

func TestNextHop(t *testing.T) {
	server := startDNS(t, `
routed.test. 60 IN A 192.0.2.99
routed.test. 60 IN MX 20 b.test.
routed.test. 60 IN MX 10 a.test.
a.test.      60 IN A 192.0.2.10
b.test.      60 IN A 192.0.2.11
null.test.   60 IN MX 0 .
`)
	for _, tt := range []struct {
		hop      string
		kind     probes.NextHopKind
		protocol probes.IPProtocol
		want     string
	}{
		{"routed.test", probes.NextHopSmartHost, probes.IPAny, "a.test 192.0.2.10; b.test 192.0.2.11"},
		{"routed.test", probes.NextHopDomain, probes.IPAny, "a.test 192.0.2.10; b.test 192.0.2.11"},
		{"null.test", probes.NextHopDomain, probes.IPAny, "null.test null_mx"},
		{"none.test", probes.NextHopSmartHost, probes.IPAny, "none.test nxdomain"},
		{"[192.0.2.7]", probes.NextHopSmartHost, probes.IPAny, "192.0.2.7 192.0.2.7"},
		{"[IPv6:2001:db8::7]", probes.NextHopSmartHost, probes.IPAny, "2001:db8::7 2001:db8::7"},
		{"[192.0.2.7]", probes.NextHopSmartHost, probes.IP6, "192.0.2.7 family_unavailable"},
		{"192.0.2.7", probes.NextHopSmartHost, probes.IPAny, "192.0.2.7 192.0.2.7"},
		{"[2001:db8::7]", probes.NextHopSmartHost, probes.IPAny, "2001:db8::7 2001:db8::7"},
		{"192.0.2.4/31", probes.NextHopSmartHost, probes.IPAny, "192.0.2.4/31 192.0.2.4 192.0.2.5"},
	} {
		p := probes.Path{Kind: tt.kind, NextHop: tt.hop, Settings: probes.Settings{
			Protocol:   tt.protocol,
			DNSServers: []string{server},
		}}
		endpoints, _, _ := New(Options{}).resolve(t.Context(), &p)
		note(endpoints)
		if got := summary(endpoints); got != tt.want {
			t.Errorf("%s (%v, %s): %s; want %s", tt.hop, tt.kind, tt.protocol, got, tt.want)
		}
	}
}

func TestAtMostSixteenEndpoints(t *testing.T) {
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "many.test. 60 IN A 192.0.2.%d\n", i+1)
	}
	for i := range 20 {
		fmt.Fprintf(&text, "routed.test. 60 IN MX 10 m%d.test.\nm%d.test. 60 IN A 192.0.2.%d\n", i, i, i+1)
	}
	server := startDNS(t, text.String())
	for hop, want := range map[string]string{
		"many.test":   "16 of 40 addresses probed",
		"routed.test": "16 of 20 addresses probed",
	} {
		p := probes.Path{NextHop: hop, Settings: probes.Settings{Protocol: probes.IP4, DNSServers: []string{server}}}
		endpoints, _, hints := New(Options{}).resolve(t.Context(), &p)
		if len(endpoints) != probes.MaxEndpoints || !endpoints[15].Addr.IsValid() || fmt.Sprint(hints) != "["+want+"]" {
			t.Errorf("%s, hints %q", summary(endpoints), hints)
		}
	}
}

// Each path takes another address each round, however many paths share the prober.
func TestExchangeOnlineHostsRotate(t *testing.T) {
	server := startDNS(t, "exo.lab.test. 60 IN A 192.0.2.1\nexo.lab.test. 60 IN A 192.0.2.2\n")
	prober := New(Options{ExchangeOnlineHosts: []string{"*.lab.test"}})
	for _, path := range []string{"a", "b"} {
		seen := map[string]int{}
		for range 4 {
			for _, other := range []string{path, "another"} {
				p := probes.Path{
					ID: probes.PathID{Path: other}, NextHop: "exo.lab.test",
					Settings: probes.Settings{Protocol: probes.IP4, DNSServers: []string{server}},
				}
				if endpoints, _, _ := prober.resolve(t.Context(), &p); other == path {
					seen[summary(endpoints)]++
				}
			}
		}
		if seen["exo.lab.test 192.0.2.1"] != 2 || seen["exo.lab.test 192.0.2.2"] != 2 {
			t.Errorf("path %s: %v", path, seen)
		}
	}
}
