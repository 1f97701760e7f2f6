package daemon

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestChangesAreCountedAndLogged reloads a file in which one connector changed, one went and many came.
func TestChangesAreCountedAndLogged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	write := func(connectors string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("tenants: [{ name: contoso, outbound_connectors: ["+connectors+"] }]\n"),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("{ name: a, enabled: false }, { name: b, enabled: false }")
	d := loaded(t, file)
	var logged bytes.Buffer
	d.log = slog.New(slog.NewTextHandler(&logged, nil))
	var many strings.Builder
	for i := range 150 {
		fmt.Fprintf(&many, ", { name: c%d, enabled: false }", i)
	}
	write("{ name: a, enabled: false, tls_domain: mail.contoso.com }" + many.String())
	if err := d.reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	page := get(d.Handler(HandlerOptions{}), http.MethodGet, "/metrics", nil).Body.String()
	for kind, want := range map[string]int{"added": 150, "removed": 1, "changed": 1} {
		if series := fmt.Sprintf("m365_connector_inventory_changes_total{change=%q,tenant=\"contoso\"} %d\n", kind,
			want); !strings.Contains(page, series) {
			t.Errorf("/metrics lacks %s", series)
		}
	}
	if !strings.Contains(logged.String(),
		`msg="connector changed" tenant=contoso direction=outbound connector=a properties=tls_domain`) {
		t.Errorf("the log does not say what changed:\n%s", logged.String())
	}
	if n := strings.Count(logged.String(), `msg="connector added"`); n >= 150 ||
		!strings.Contains(logged.String(), "more=52") {
		t.Errorf("%d connectors are named in the log", n)
	}
}
