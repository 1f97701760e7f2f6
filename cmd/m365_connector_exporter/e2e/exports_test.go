//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestChangedExports changes the exports of six tenants of the running daemon, each in a different way, and waits for
// the poll to detect it. The daemon must never report a successful load while it still uses the old content.
func TestChangedExports(t *testing.T) {
	w := smallWorld(t)
	export := func(tenant string) string { return filepath.Join(w.dir, "exports", tenant, "outbound.json") }
	old := time.Now().Add(-2 * time.Hour).Truncate(time.Hour)
	write := func(name, connector string) {
		t.Helper()
		text := fmt.Sprintf(`{"Name": %q, "Enabled": false, "SmartHosts": ["mail.contoso.test"]}`, connector)
		writeFile(t, name, text, 0o600)
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	changes := map[string]func(file string){
		"moved":   func(file string) { write(file+".new", "new"); rename(file+".new", file) },
		"edited":  func(file string) { write(file, "new") },
		"longer":  func(file string) { write(file, "newer") },
		"deleted": func(file string) { rename(file, file+".away"); write(file, "new") },
		"broken":  func(file string) { writeFile(t, file, "{", 0o600) },
		"piped": func(file string) {
			rename(file, file+".away")
			if err := syscall.Mkfifo(file, 0o600); err != nil { // without a writer, opening it would block
				t.Fatal(err)
			}
		},
	}
	for tenant := range changes {
		if err := os.MkdirAll(filepath.Dir(export(tenant)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(export(tenant), "old")
	}
	d := w.serve(w.write("exports.yaml", "tenant_folders: [exports/*]\n"))
	time.Sleep(3 * time.Second) // the daemon relies on modification times only when they are old enough
	for tenant, change := range changes {
		change(export(tenant))
	}
	want := map[string]string{
		"moved": "new", "edited": "new", "longer": "newer", "deleted": "new", "broken": "old",
		"piped": "old",
	}
	eventually(t, 30*time.Second, func() string {
		m := d.metrics()
		for tenant, connector := range want {
			if _, found := m.value("enabled", "tenant", tenant, "connector", connector); !found {
				return fmt.Sprintf("tenant %s: no connector %q", tenant, connector)
			}
		}
		for tenant, connector := range want {
			loaded, _ := m.value("exporter_tenant_load_successful", "tenant", tenant)
			if (loaded == 1) != (connector != "old") {
				return fmt.Sprintf("tenant %s: load successful: %v", tenant, loaded)
			}
		}
		return ""
	})
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}
