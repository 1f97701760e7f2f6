package daemon

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/smtpprobe"
)

// TestControlsAgainstExchangeOnline plans the controls of a hybrid connector and runs them against the fake of Exchange
// Online, which shares no code with the plan.
func TestControlsAgainstExchangeOnline(t *testing.T) {
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue(lab.Leaf{
		Names: []string{"contoso-com.mail.test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, c := range map[string]struct {
		connectors []lab.FakeConnector
		want       []string
	}{
		"every lock holds": {
			[]lab.FakeConnector{{Name: "Hybrid", Certificate: "*.contoso.com"}},
			[]string{
				"no_certificate refused tenant_attribution", "self_signed_certificate refused tenant_attribution",
				"clear_text refused tenant_attribution", "foreign_recipient refused tenant_attribution",
			},
		},
		"the name of a certificate is enough": {
			[]lab.FakeConnector{{Name: "Hybrid", Certificate: "*.contoso.com", Unverified: true}},
			[]string{
				"no_certificate refused tenant_attribution", "self_signed_certificate admitted ",
				"clear_text refused tenant_attribution", "foreign_recipient refused tenant_attribution",
			},
		},
		"a forgotten connector admits everyone's address": {
			[]lab.FakeConnector{{Name: "Hybrid", Certificate: "*.contoso.com"}, {Name: "Forgotten", Addresses: loopback}},
			[]string{
				"no_certificate admitted ", "self_signed_certificate admitted ", "clear_text admitted ",
				"foreign_recipient refused tenant_attribution",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := lab.StartFakeExchangeOnline(lab.FakeExchangeOnlineOptions{
				Certificate: certificate, ClientRoots: x509.NewCertPool(),
				Tenants: []lab.FakeTenant{{Name: "contoso", Domains: []string{"contoso.com"}, Connectors: c.connectors}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			path := hybridPath(uint16(server.Port()))
			prober := smtpprobe.New(smtpprobe.Options{
				AllowNetworks: loopback, ExchangeOnlineHosts: []string{"*.mail.test"},
			})
			round := prober.Probe(t.Context(), path)
			var got []string
			for _, r := range prober.RunControls(t.Context(), path, smtpprobe.ControlEndpoints(path, round)) {
				got = append(got, fmt.Sprintf("%s %s %s", r.Control.Kind, r.Outcome, r.Reason))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// hybridPath plans the inbound path of a hybrid connector, with negative controls.
func hybridPath(port uint16) *probes.Path {
	on, hello := true, "prober.test"
	connector := mailflow.InboundConnector{RequireTLS: mailflow.Yes, TLSSenderCertificateName: "*.contoso.com"}
	connector.Name, connector.Type = "Hybrid", mailflow.OnPremises
	tenant := mailflow.Tenant{
		Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}},
		Inbound: []mailflow.InboundConnector{connector},
		Senders: []mailflow.Sender{{Name: "edge", Connector: "Hybrid", Target: "contoso-com.mail.test"}},
	}
	sections := func(string, mailflow.Direction, string, string) []probes.SettingsOverride {
		return []probes.SettingsOverride{{
			NegativeControls: &on, Port: &port, HelloName: &hello, ConnectTo: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
		}}
	}
	return &probes.Plan([]mailflow.Tenant{tenant}, sections, hello)[0]
}
