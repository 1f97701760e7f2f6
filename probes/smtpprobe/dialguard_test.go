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
