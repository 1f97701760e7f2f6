package wire

import (
	"fmt"
	"strings"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dnsclient"
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
		r := newResolver(dnsclient.New(nil), nil, nil)
		p := probes.Path{Kind: tt.kind, NextHop: tt.hop, Settings: probes.Settings{Protocol: tt.protocol, DNSServers: []string{server}}}
		targets, _ := r.resolveHop(t.Context(), &p)
		note(targets)
		if got := words(targets); got != tt.want {
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
	for hop, want := range map[string]string{"many.test": "16 of 40 addresses probed", "routed.test": "16 of 20 addresses probed"} {
		p := probes.Path{NextHop: hop, Settings: probes.Settings{Protocol: probes.IP4, DNSServers: []string{server}}}
		targets, notes := newResolver(dnsclient.New(nil), nil, nil).resolveHop(t.Context(), &p)
		endpoints := endpointsOf(targets, 25)
		if len(endpoints) != probes.MaxEndpoints || !endpoints[15].Addr.IsValid() || fmt.Sprint(notes) != "["+want+"]" {
			t.Errorf("%s, notes %q", words(targets), notes)
		}
	}
}

// Each path takes another address each round, however many paths share the prober.
func TestHiddenHostsRotate(t *testing.T) {
	server := startDNS(t, "exo.lab.test. 60 IN A 192.0.2.1\nexo.lab.test. 60 IN A 192.0.2.2\n")
	r := newResolver(dnsclient.New(nil), nil, []string{"*.lab.test"})
	for _, path := range []string{"a", "b"} {
		seen := map[string]int{}
		for range 4 {
			for _, other := range []string{path, "another"} {
				p := probes.Path{ID: probes.PathID{Path: other}, NextHop: "exo.lab.test", Settings: probes.Settings{Protocol: probes.IP4, DNSServers: []string{server}}}
				if targets, _ := r.resolveHop(t.Context(), &p); other == path {
					seen[words(targets)]++
				}
			}
		}
		if seen["exo.lab.test 192.0.2.1"] != 2 || seen["exo.lab.test 192.0.2.2"] != 2 {
			t.Errorf("path %s: %v", path, seen)
		}
	}
}
