package smtpprobe

import (
	"net/netip"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func TestDialGuard(t *testing.T) {
	tests := []struct {
		addr    string
		kind    mailflow.ConnectorType
		foreign bool // looked up in a zone that is not the tenant's
		allow   string
		want    bool
	}{
		{"192.0.2.1", mailflow.OnPremises, false, "", true},
		{"10.0.0.1", mailflow.OnPremises, false, "", true},
		{"10.0.0.1", mailflow.Partner, false, "", false},
		{"10.0.0.1", mailflow.OnPremises, true, "", false},
		{"10.0.0.1", mailflow.Partner, false, "10.0.0.0/8", true},
		{"127.0.0.1", mailflow.OnPremises, false, "", false},
		{"::ffff:127.0.0.1", mailflow.OnPremises, false, "", false},
		{"127.0.0.1", mailflow.OnPremises, false, "127.0.0.0/8", true},
		{"169.254.169.254", mailflow.OnPremises, false, "", false},
		{"fe80::1", mailflow.OnPremises, false, "", false},
		{"fd00::1", mailflow.Partner, false, "", false},
		{"224.0.0.1", mailflow.OnPremises, false, "", false},
		{"0.0.0.0", mailflow.OnPremises, false, "", false},
		{"40.92.0.1", mailflow.Partner, true, "", true},
		{"192.0.2.1", mailflow.OnPremises, true, "", false},
		{"198.18.0.1", mailflow.OnPremises, true, "", false},
		{"198.18.0.1", mailflow.OnPremises, false, "", true},
		{"192.0.0.8", mailflow.OnPremises, true, "", false},
		{"240.0.0.1", mailflow.OnPremises, false, "", false},
		{"100::1", mailflow.OnPremises, true, "", false},
		{"fec0::1", mailflow.OnPremises, true, "", false},
		{"fec0::1", mailflow.OnPremises, false, "", true},
		{"64:ff9b::10.0.0.1", mailflow.OnPremises, true, "", false},
		{"64:ff9b::10.0.0.1", mailflow.OnPremises, true, "10.0.0.0/8", true},
		{"64:ff9b::10.0.0.1", mailflow.OnPremises, true, "64:ff9b::/96", true},
		{"64:ff9b::10.0.0.1", mailflow.OnPremises, false, "", true},
		{"64:ff9b::127.0.0.1", mailflow.OnPremises, false, "", false},
		{"64:ff9b::40.92.0.1", mailflow.Partner, true, "", true},
		{"64:ff9b:1::169.254.169.254", mailflow.OnPremises, true, "", false},
		{"64:ff9b:1:a00:0:100::", mailflow.OnPremises, true, "", false},
		{"64:ff9b:1:a00:7f:0:100::", mailflow.OnPremises, false, "", false}, // 10.0.127.0 at /48, 127.0.0.1 at /64
		{"2002:a00:1::1", mailflow.OnPremises, true, "", false},
		{"2002:7f00:1::1", mailflow.OnPremises, false, "", false},
		{"2002:285c:1::1", mailflow.Partner, true, "", true},
		{"::10.0.0.1", mailflow.OnPremises, true, "", false},
		{"::127.0.0.1", mailflow.OnPremises, false, "", false},
		{"::ffff:10.0.0.1", mailflow.OnPremises, true, "", false},
		{"2001:0:285c:1::f5ff:fffe", mailflow.OnPremises, true, "", false},
	}
	for _, test := range tests {
		var allow []netip.Prefix
		if test.allow != "" {
			allow = append(allow, netip.MustParsePrefix(test.allow))
		}
		path := &probes.Path{ConnectorType: test.kind}
		if test.foreign {
			path.Kind = probes.NextHopDomain
		}
		got := dialGuard{allow}.permitsPath(netip.MustParseAddr(test.addr), path)
		if got != test.want {
			t.Errorf("%s for %s (foreign %t, allow %q) = %t", test.addr, test.kind, test.foreign, test.allow, got)
		}
	}
}
