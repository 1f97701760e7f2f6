package daemon

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPollReadsWhatItHasSeen moves an export with an old modification time into place: the poll that sees it must
// read it.
func TestPollReadsWhatItHasSeen(t *testing.T) {
	dir := t.TempDir()
	file, export := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "contoso", "outbound.json")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Dir(export), 0o700); err != nil {
		t.Fatal(err)
	}
	write(file, "tenant_folders: [contoso]\n")
	write(export, `{"Name": "Old", "Enabled": false, "SmartHosts": ["mail.contoso.com"]}`)
	d := loaded(t, file)
	write(export+".new", `{"Name": "New", "Enabled": false, "SmartHosts": ["mail.contoso.com"]}`)
	if err := os.Rename(export+".new", export); err != nil {
		t.Fatal(err)
	}
	if err := d.reloadIfChanged(t.Context()); err != nil {
		t.Fatal(err)
	}
	page := get(d.Handler(HandlerOptions{}), http.MethodGet, "/metrics", nil).Body.String()
	if !strings.Contains(page, `connector="New"`) || strings.Contains(page, `connector="Old"`) {
		t.Error("the connector that was removed from the export is still watched")
	}
}
