package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

func TestWarningsOfRoundTrips(t *testing.T) {
	const own, below = "source_address: 198.51.100.10", "probe.contoso.com"
	for name, row := range map[string]struct{ recipient, probe, connector, outbound, want string }{
		"accepted domain":         {"contoso.com", own, "", "", ""},
		"below an accepted one":   {below, own, "", "", "probe.contoso.com is neither an accepted domain"},
		"routed by a connector":   {below, own, "", below, ""},
		"routed by a wildcard":    {below, own, "", "'*.contoso.com'", ""},
		"a connector for another": {below, own, "", "other.contoso.com", "neither an accepted domain"},
		"a connector that is off": {"contoso.com", own, "enabled: false,", "", "the connector is disabled"},
		"a probe that is off":     {"contoso.com", own + ", enabled: false", "", "", "probing is switched off"},
		"another address":         {"contoso.com", "source_address: 198.51.100.11", "", "", "is not one of its addresses"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "main.yaml")
			outbound := ""
			if row.outbound != "" {
				outbound = "outbound_connectors: [{ name: Out, connector_type: OnPremises, smart_hosts: [mail.contoso.com], " +
					"use_mx_record: false, is_transport_rule_scoped: false, recipient_domains: [" + row.outbound + "] }]"
			}
			put(t, file, `
sink: { listen: [":2525"], hostname: probe.contoso.com }
tenants:
  - name: contoso
    accepted_domains: [{ domain_name: contoso.com, default: true }]
    `+outbound+`
    inbound_connectors: [{ name: In, `+row.connector+` connector_type: OnPremises }]
    senders: [{ name: edge-1, connector: In, addresses: [198.51.100.10], probe: { `+row.probe+` } }]
round_trips: [{ name: hybrid, tenant: contoso, start: { sender: edge-1 }, recipient: canary@`+row.recipient+` }]
`, 0o600)
			cfg, err := config.Load(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(cfg.Warnings, "\n")
			if (got == "") != (row.want == "") || !strings.Contains(got, row.want) {
				t.Errorf("warnings %q, want %q", got, row.want)
			}
			if got != "" && !strings.HasPrefix(got, "round trip contoso › hybrid: ") {
				t.Errorf("the warning does not name the round trip: %s", got)
			}
		})
	}
}
