package mailflow

import (
	"net/netip"
	"testing"
)

func TestSpecialUse(t *testing.T) {
	for text, want := range map[string]AddressUse{
		"0.0.0.0": ThisNetwork, "0.1.2.3": ThisNetwork, "10.1.2.3": Private, "9.255.255.255": Public, "11.0.0.0": Public,
		"100.63.255.255": Public, "100.64.0.1": SharedNAT, "100.127.255.255": SharedNAT, "100.128.0.0": Public,
		"127.0.0.1": Loopback, "169.254.169.254": LinkLocal, "172.15.255.255": Public, "172.31.255.255": Private,
		"172.32.0.0": Public,
		"192.0.0.8":  Infrastructure, "192.0.0.171": Infrastructure, "192.0.1.1": Public, "192.0.2.1": Documentation,
		"192.31.196.1": Infrastructure, "192.52.193.1": Infrastructure, "192.88.99.1": Infrastructure,
		"192.168.0.1":  Private,
		"192.175.48.1": Infrastructure, "198.17.255.255": Public, "198.18.0.1": Benchmarking, "198.19.255.255": Benchmarking,
		"198.20.0.0": Public, "198.51.100.10": Documentation, "203.0.113.1": Documentation, "223.255.255.255": Public,
		"224.0.0.1": Multicast, "239.255.255.255": Multicast, "240.0.0.1": Reserved, "255.255.255.255": Reserved,
		"40.92.0.1": Public,

		"::": ThisNetwork, "::1": Loopback, "100::1": Discard, "100:0:0:1::1": Discard, "100:0:0:2::1": Reserved,
		"2001:1::1": Infrastructure, "2001:2::1": Benchmarking, "2001:4:112::1": Infrastructure,
		"2001:20::1":  Infrastructure,
		"2001:200::1": Public, "2001:db8::1": Documentation, "2620:4f:8000::1": Infrastructure, "3fff::1": Documentation,
		"3fff:1000::1": Public,
		"5f00::1":      Infrastructure, "4000::1": Reserved, "8000::1": Reserved, "fd00::1": Private,
		"fe80::1%eth0": LinkLocal,
		"fec0::1":      Private,
		"ff02::1":      Multicast, "2a01:111:f400::1": Public, "2600::1": Public,
	} {
		if got := SpecialUse(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if got := SpecialUse(netip.Addr{}); got != Reserved {
		t.Errorf("no address is %s", got)
	}
}

func TestSpecialUseOfEmbeddedIPv4(t *testing.T) {
	for text, want := range map[string]AddressUse{
		"::ffff:10.0.0.1": Private, "::ffff:40.92.0.1": Public, // mapped
		"::10.0.0.1": Private, "::127.0.0.1": Loopback, "::40.92.0.1": Public, // compatible
		"::ffff:0:169.254.169.254": LinkLocal, "::ffff:0:40.92.0.1": Public, // translated
		"64:ff9b::10.0.0.1": Private, "64:ff9b::127.0.0.1": Loopback, "64:ff9b::0.0.0.0": ThisNetwork,
		"64:ff9b::40.92.0.1":  Public,
		"64:ff9b::1:10.0.0.1": Reserved, // outside of the /96
		"64:ff9b:1::10.0.0.1": Private, "64:ff9b:1::40.92.0.1": Public,

		"64:ff9b:1:a00:0:100::":      Private,     // 10.0.0.1 at /48
		"64:ff9b:1:a00:0:100:285c:1": Private,     // the same, with a public address behind it
		"64:ff9b:1:aba9:fe:a9fe::":   LinkLocal,   // 169.254.169.254 at /56
		"64:ff9b:1:1:c0:a801:100::":  ThisNetwork, // 192.168.1.1 at /64, and 0.1.192.168 at /48

		// 6to4
		"2002:a00:1::1": Private, "2002:7f00:1::1": Loopback, "2002:c058:6301::1": Infrastructure, "2002:285c:1::1": Public,

		"2001:0:a00:1::d7a3:fffe":  Private, // Teredo with the server 10.0.0.1
		"2001:0:285c:1::f5ff:fffe": Private, // Teredo with the client 10.0.0.1
		"2001:0:285c:1::d7a3:fffe": Public,  // Teredo with the server and the client 40.92.0.1
	} {
		if got := SpecialUse(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is %s (embedded %v), want %s", text, got, EmbeddedIPv4(netip.MustParseAddr(text)), want)
		}
	}
}

func TestSpecialRanges(t *testing.T) {
	for text, want := range map[string]string{
		"192.168.0.1/25": "private (RFC 1918)", "9.255.255.0-10.0.0.0": "private (RFC 1918)",
		"198.18.0.0/16":     "for benchmarks (RFC 2544)",
		"64:ff9b::10.0.0.1": "private (RFC 1918)", "fec0::/64": "private (RFC 3879)", "fd00::/8": "private (RFC 4193)",
	} {
		r, _ := ParseRange(text)
		if got := r.Special().String(); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	if got := (Range{}).Special().Use; got != Public {
		t.Errorf("no range is %s", got)
	}
	for i, s := range specialRanges {
		for _, earlier := range specialRanges[:i] {
			if earlier.network.Contains(s.network.First) && earlier.network.Contains(s.network.Last) {
				t.Errorf("%s %s never matches: it is in %s", s.network, s, earlier.network)
			}
		}
	}
}

func TestInternalUse(t *testing.T) {
	for use := Public; use <= Reserved; use++ {
		want := use == Private || use == SharedNAT || use == Benchmarking || use == Documentation
		if got := use.Internal(); got != want || use.String() == "" {
			t.Errorf("%s internal: %t, want %t", use, got, want)
		}
	}
}
