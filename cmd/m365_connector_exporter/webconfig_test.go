//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWebConfigIsAPipe puts a FIFO without a writer wherever the web configuration is or names a file. The program must
// neither wait for a writer nor ignore signals.
func TestWebConfigIsAPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Skip(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("config.yaml", "tenants: [{name: a}]\n")
	write("cert.pem", "certificate")
	for _, test := range []struct{ web, file string }{
		{"", "pipe"},
		{"{cert_file: pipe, key_file: cert.pem}", "web.yml"},
		{"{cert_file: cert.pem, key_file: pipe}", "web.yml"},
		{"{cert_file: cert.pem, key_file: cert.pem, client_ca_file: pipe}", "web.yml"},
	} {
		write("web.yml", "tls_server_config: "+test.web+"\n")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		cmd := exec.CommandContext(ctx, program, "--config.check", "--config.file=config.yaml",
			"--web.config.file="+test.file)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput() // the status is compared
		cancel()
		if cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "pipe: not a regular file") {
			t.Errorf("%s %s: %v, %s; want pipe: not a regular file", test.file, test.web, cmd.ProcessState, out)
		}
	}
}
