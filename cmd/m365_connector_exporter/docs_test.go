package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// TestExamplesLoad executes what the documents show: the example configuration and every tenant in the README.
func TestExamplesLoad(t *testing.T) {
	if _, err := config.Load("../../config.example.yaml", nil); err != nil {
		t.Error(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(tenants:.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no tenant")
	}
	for _, block := range blocks {
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, block[1], 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file, nil)
		if err != nil || len(plan(cfg, "")) != 1 {
			t.Errorf("%v, %d paths:\n%s", err, len(plan(cfg, "")), block[1])
		}
	}
}
