package config_test

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/roundtrip"
)

func TestRoundTrips(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.yaml")
	put(t, file, `
sink:
  listen: [":2525"]
  hostname: probe.contoso.com
  networks: [198.51.100.0/24]
  tls_reports: [TLSRPT@probe.contoso.com]
tenants:
  - name: contoso
    accepted_domains: [{ domain_name: contoso.com, default: true }]
    inbound_connectors: [{ name: From on-premises, connector_type: OnPremises }]
    senders: [{ name: edge-1, connector: From on-premises, addresses: [198.51.100.10] }]
round_trips:
  - { name: hybrid, tenant: contoso, start: { sender: edge-1 }, recipient: Canary@probe.contoso.com }
  - name: servers
    tenant: contoso
    start: { smart_host: mail.contoso.com }
    recipient: canary@probe.contoso.com
    interval: 5m
    daily_limit: 300
    late_after: 10m
    lost_after: 2h
    expect:
      tenant_id: 75E027C9-20d5-47d5-b82f-77d7cd041e8f
      connecting_addresses: [198.51.100.10, 203.0.113.0/24]
      origin: hybrid_on_prem
`, 0o600)
	cfg, err := config.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.RoundTrip{
		{
			Plan: roundtrip.Plan{
				Trip: roundtrip.Trip{Tenant: "contoso", Name: "hybrid"}, Interval: 15 * time.Minute, LostAfter: time.Hour,
				DailyLimit: 200, Expect: roundtrip.Expectation{LateAfter: 5 * time.Minute},
			},
			Sender: "edge-1", Recipient: "canary@probe.contoso.com",
		},
		{
			Plan: roundtrip.Plan{
				Trip: roundtrip.Trip{Tenant: "contoso", Name: "servers"}, Interval: 5 * time.Minute, LostAfter: 2 * time.Hour,
				DailyLimit: 300, Expect: roundtrip.Expectation{
					LateAfter: 10 * time.Minute, TenantID: "75e027c9-20d5-47d5-b82f-77d7cd041e8f",
					Origin:     roundtrip.OriginHybridOnPrem,
					Connecting: []netip.Prefix{netip.MustParsePrefix("198.51.100.10/32"), netip.MustParsePrefix("203.0.113.0/24")},
				},
			},
			SmartHost: "mail.contoso.com", Recipient: "canary@probe.contoso.com",
		},
	}
	same := cmpopts.EquateComparable(netip.Prefix{})
	if diff := cmp.Diff(want, cfg.RoundTrips, same); diff != "" {
		t.Errorf("round trips (-want +got):\n%s", diff)
	}
	sink := config.Sink{
		Listen: []string{":2525"}, Hostname: "probe.contoso.com", TLSReports: []string{"tlsrpt@probe.contoso.com"},
		Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
	}
	if diff := cmp.Diff(sink, cfg.Sink, same); diff != "" {
		t.Errorf("sink (-want +got):\n%s", diff)
	}
}
