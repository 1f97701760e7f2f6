package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/exporter-toolkit/web"
)

// TestWarnIfOpen holds that a listener which other hosts can reach without authentication causes a warning, TLS or
// not.
func TestWarnIfOpen(t *testing.T) {
	const tls = "tls_server_config: {cert_file: c.pem, key_file: k.pem"
	for _, test := range []struct {
		address, file string
		warns         bool
	}{
		{":10587", "", true},
		{"127.0.0.1:10587", "", false},
		{":10587", tls + "}\n", true},
		{"127.0.0.1:10587", tls + "}\n", false},
		{":10587", "http_server_config: {http2: false}\n", true},
		{":10587", tls + ", client_auth_type: RequireAnyClientCert}\n", true},
		{":10587", tls + ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem}\n", true},
		{":10587", tls + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}\n", false},
		{":10587", "basic_auth_users: {}\n", true},
		{":10587", "basic_auth_users: {ops: $2y$10$x}\n", false},
	} {
		file := ""
		if test.file != "" {
			file = filepath.Join(t.TempDir(), "web.yml")
			if err := os.WriteFile(file, []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var log bytes.Buffer
		warnIfOpen(t.Context(), &web.FlagConfig{WebListenAddresses: &[]string{test.address}, WebConfigFile: &file},
			streams{log: slog.New(slog.NewTextHandler(&log, nil))})
		if warns := strings.Contains(log.String(), "requires no authentication"); warns != test.warns {
			t.Errorf("%s, %q: %t, logged %q", test.address, test.file, warns, log.String())
		}
	}
}
