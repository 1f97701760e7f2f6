package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// TestReloadEndsHurry: after a reload, and after one that is refused, garbage is collected as the number of paths wants it.
func TestReloadEndsHurry(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	file := filepath.Join(t.TempDir(), "many.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(manyHosts(1000))
	cfg, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDaemon(file, cfg, "prober.example", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, text string
		refused    bool
		want       int
	}{
		{"started", manyHosts(1000), false, 50},
		{"few", manyHosts(10), false, 100},
		{"many", manyHosts(5000), false, 15},
		{"refused", "tenants: 1", true, 15},
	} {
		write(tc.text)
		if err := d.reload("test"); (err != nil) != tc.refused {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if got := debug.SetGCPercent(tc.want); got != tc.want {
			t.Errorf("%s: garbage may be %d %% of what is in use, want %d", tc.name, got, tc.want)
		}
	}
}

func manyHosts(n int) string {
	var b strings.Builder
	b.WriteString("tenants:\n- name: many\n  accepted_domains: [{domain_name: many.example, default: true}]\n  outbound_connectors:\n")
	for i := range n / 10 {
		hosts := make([]string, 10)
		for j := range hosts {
			hosts[j] = fmt.Sprintf("h%d.example", 10*i+j)
		}
		fmt.Fprintf(&b, "  - {name: connector %d, connector_type: OnPremises, use_mx_record: false, tls_settings: CertificateValidation, "+
			"smart_hosts: [%s], recipient_domains: [many.example]}\n", i, strings.Join(hosts, ", "))
	}
	return b.String()
}
