//go:build unix

package config_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// TestPipesAreNotRead puts a FIFO without a writer wherever the configuration names a file. Opening it must not wait
// for a writer.
func TestPipesAreNotRead(t *testing.T) {
	const certificate = "tenants: [{name: a, inbound_connectors: [{name: i}], senders: [{name: s, connector: i, " +
		"certificate: "
	for name, text := range map[string]string{
		"the main file itself": "",
		"ca_file":              "global: {ca_file: pipe.json}",
		"tenant_files":         "tenant_files: [pipe.json]",
		"tenant_folders":       "tenant_folders: [.]",
		"exports":              "tenants: [{name: a, exports: ['*.json']}]",
		"certificate":          certificate + "{file: pipe.json}}]}]",
		"password_file":        certificate + "{pkcs12: pipe.json, password_file: pipe.json}}]}]",
	} {
		dir := t.TempDir()
		pipe, main := filepath.Join(dir, "pipe.json"), filepath.Join(dir, "main.yaml")
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Skip(err)
		}
		put(t, main, text+"\n", 0o600)
		if text == "" {
			main = pipe
		}
		loader := config.NewLoader(main)
		cfg, err := loader.Load(t.Context())
		if err == nil {
			err = cfg.Problems()
		}
		if !strings.Contains(err.Error(), "pipe.json: not a regular file") {
			t.Errorf("%s: %v; want pipe.json: not a regular file", name, err)
		}
	}
}
