package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// Only a password or a verified client certificate is authentication.
func TestWebConfig(t *testing.T) {
	dir := t.TempDir()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("ca.pem", string(ca.RootPEM()))
	const users = "basic_auth_users: { anna: $2y$10$abcdefghijklmnopqrstuuu3mKJJLJKkjTCqUrkdFPQJpbrtVkPi6 }\n"
	for name, c := range map[string]struct {
		text string
		auth bool
		err  string // "" where the file is valid
	}{
		"empty":     {"", false, ""},
		"passwords": {users, true, ""},
		"a certificate that is missing": {
			"tls_server_config: { cert_file: none.pem, key_file: none.key }\n", false, "none.pem",
		},
		"not a configuration": {"nonsense: [\n", false, "yaml"},
	} {
		file := write("web.yml", c.text)
		err := CheckWebConfig(t.Context(), file)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: error %v", name, err)
		}
		if got := RequiresAuth(t.Context(), file); got != c.auth {
			t.Errorf("%s: requires authentication: %t", name, got)
		}
	}
	clients := write("web.yml",
		"tls_server_config: { client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem }\n")
	if !RequiresAuth(t.Context(), clients) {
		t.Error("verified client certificates are authentication")
	}
	if err := CheckWebConfig(t.Context(), ""); err != nil || RequiresAuth(t.Context(), "") {
		t.Errorf("without a file: %v", err)
	}
	if err := CheckWebConfig(t.Context(), filepath.Join(dir, "none.yml")); err == nil {
		t.Error("a file that does not exist is valid")
	}
}
