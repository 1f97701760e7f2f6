package smtpprobe

import (
	"testing"

	"m365_connector_exporter/probes"
)

// TestHasIPv6: of a host of Exchange Online one address is probed in each round, and each round records whether the
// host has an IPv6 address.
func TestHasIPv6(t *testing.T) {
	zone := startDNS(t, "exo.lab.test. 60 IN A 192.0.2.1\nexo.lab.test. 60 IN AAAA 2001:db8::1\n"+
		"v4.lab.test. 60 IN A 192.0.2.1\nv4.lab.test. 60 IN A 192.0.2.2\n")
	w := New(Options{ExchangeOnlineHosts: []string{"*.lab.test"}, SystemDNS: []string{zone}})
	for _, c := range []struct {
		host     string
		protocol probes.IPProtocol
		want     bool
	}{
		{"exo.lab.test", probes.IPAny, true},
		{"exo.lab.test", probes.IP4, false},
		{"v4.lab.test", probes.IPAny, false},
	} {
		p := probes.Path{ID: probes.PathID{Path: c.host}, NextHop: c.host, Settings: probes.Settings{Protocol: c.protocol}}
		for round := range 2 {
			endpoints, _, _ := w.resolve(t.Context(), &p)
			if len(endpoints) != 1 || endpoints[0].HasIPv6 != c.want {
				t.Errorf("%s by %s, round %d: %+v, want %t", c.host, c.protocol, round, endpoints, c.want)
			}
		}
	}
}
