package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExitStatusOfBrokenConfigurations runs every command on a configuration that does not load, and on one of which a
// tenant does not.
func TestExitStatusOfBrokenConfigurations(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"invalid.yaml": "nonsense: true\n",
		"tenant.yaml":  "tenant_files: [broken.yml]\n",
		"broken.yml":   "name: contoso\nnonsense: true\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		command, file string
		status        int
		want          string
	}{
		{"serve --web.listen-address=127.0.0.1:0", "invalid.yaml", exitUsage, "nonsense: unknown key"},
		{"validate", "invalid.yaml", exitUsage, "nonsense: unknown key"},
		{"audit", "invalid.yaml", exitUsage, "nonsense: unknown key"},
		{"attribute --ip=192.0.2.1", "invalid.yaml", exitUsage, "nonsense: unknown key"},
		{"rehearse --certificate=missing.pem", "invalid.yaml", exitUsage, "nonsense: unknown key"},
		{"rehearse --certificate=missing.pem", "tenant.yaml", exitUsage, "missing.pem"},
		{"audit --fail-on=critical", "tenant.yaml", exitFailed, "not loaded:"}, // tenant_not_loaded
		{"validate", "tenant.yaml", exitUsage, "no path to probe"},
		{"serve --web.max-connections=0", "tenant.yaml", exitUsage, "--web.max-connections: 0: must be at least 1"},
		{"serve --web.listen-address=nonsense", "tenant.yaml", exitUsage, "--web.listen-address"},
		{"demo", "tenant.yaml", exitUsage, "demo writes its own configuration: run it without --config.file"},
	} {
		var out bytes.Buffer
		args := append(strings.Fields(c.command), "--config.file="+filepath.Join(dir, c.file))
		if got := run(t.Context(), hangups{}, args, &out, &out); got != c.status || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s of %s: exit status %d, want %d with %q; output:\n%s", c.command, c.file, got, c.status, c.want, &out)
		}
	}
}

func TestServeOnATakenAddressFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("tenants: [{name: contoso}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	args := []string{"--config.file=" + file, "--web.listen-address=" + taken.Addr().String()}
	if got := run(t.Context(), hangups{}, args, &out, &out); got != exitFailed {
		t.Errorf("exit status %d, want %d; output:\n%s", got, exitFailed, &out)
	}
}
