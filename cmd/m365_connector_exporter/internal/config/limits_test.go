package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// TestLimitsOfATenant: a tenant of too many records does not load; the one beside it does.
func TestLimitsOfATenant(t *testing.T) {
	repeat := func(n int, record func(i int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = record(i)
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	addresses := `"192.0.2.1"` + strings.Repeat(`,"192.0.2.1"`, 50_000)
	domains := `"d.example"` + strings.Repeat(`,"d.example"`, 50_000)
	recipients := strings.ReplaceAll(domains, "d.", "u@d.")
	hosts := repeat(5_001, func(i int) string { return fmt.Sprintf(`"h%d.example"`, i) })
	for name, export := range map[string]string{
		"5001 connectors": repeat(5_001,
			func(i int) string { return fmt.Sprintf(`{"Name":"%d","UseMXRecord":false}`, i) }),
		"20001 accepted domains": repeat(20_001,
			func(i int) string { return fmt.Sprintf(`{"DomainName":"d%d.example","DomainType":0}`, i) }),
		"100002 addresses": repeat(2,
			func(i int) string { return fmt.Sprintf(`{"Name":"%d","SenderIPAddresses":[%s]}`, i, addresses) }),
		"100002 domains, hosts and recipients of connectors": repeat(2,
			func(i int) string { return fmt.Sprintf(`{"Name":"%d","RecipientDomains":[%s]}`, i, domains) }),
		"100004 domains, hosts and recipients of connectors": fmt.Sprintf(
			`[{"Name":"o","UseMXRecord":false,"SmartHosts":["h.example"],"ValidationRecipients":[%s]},`+
				`{"Name":"i","SenderDomains":[%s],"AssociatedAcceptedDomains":["a.example"]}]`, recipients, domains),
		"100001 domains, hosts and recipients of connectors": fmt.Sprintf(
			`[{"Name":"o","UseMXRecord":false,"RecipientDomains":%q}]`, strings.Repeat("d.example ", 150_000)),
		"10002 paths": repeat(2, func(i int) string {
			return fmt.Sprintf(`{"Name":"%d","UseMXRecord":false,"SmartHosts":%s}`, i, hosts)
		}),
		"": outJSON,
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "x/big/e.json"), export, 0o600)
		put(t, filepath.Join(dir, "x/small/e.json"), outJSON, 0o600)
		put(t, filepath.Join(dir, "main.yaml"), "tenant_folders: [x/*]\n", 0o600)
		cfg, err := config.Load(t.Context(), filepath.Join(dir, "main.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		got := cfg.Problems().Error()
		if want := `main.yaml:1: tenant_folders[0]: tenant "big": ` + name + ", more than the "; name != "" &&
			!strings.Contains(got, want) || name == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if want := map[bool]string{true: "big:0! small:1", false: "big:1 small:1"}[name != ""]; summary(cfg.Tenants) != want {
			t.Errorf("%s: tenants %s, want %s", name, summary(cfg.Tenants), want)
		}
	}
}
