package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// BenchmarkLoadFolders loads 10,000 tenants, each a folder with three exports (three connectors, two domains), and
// looks whether one of them has changed: what a reload and what each look cost.
func BenchmarkLoadFolders(b *testing.B) {
	const tenants = 10_000
	dir := b.TempDir()
	files := map[string]string{
		"domains.json": `[` + domainJSON + `,{"DomainName":"contoso.onmicrosoft.com","DomainType":0,"InitialDomain":true}]`,
	}
	for name, from := range map[string]string{
		"inbound.json":  "ps7-inbound.json",
		"outbound.json": "ps51-outbound-count.json",
	} {
		text, err := os.ReadFile(filepath.Join("../../../../probes/inventory/testdata/exports", from))
		if err != nil {
			b.Fatal(err)
		}
		files[name] = string(text)
	}
	for i := range tenants {
		folder := filepath.Join(dir, "exports", fmt.Sprintf("tenant-%05d", i))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			b.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	main := filepath.Join(dir, "main.yaml")
	if err := os.WriteFile(main, []byte("tenant_folders: ['exports/*']\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	loader := config.NewLoader(main)
	var cfg *config.Config
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if cfg, err = loader.Load(b.Context()); err != nil || len(cfg.Tenants) != tenants || len(cfg.Problems()) > 0 {
				b.Fatal(err, cfg)
			}
		}
	})
	b.Run("changes", func(b *testing.B) {
		again, err := loader.Load(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if changes := again.ChangesSince(cfg); len(changes) > 0 {
				b.Fatal(changes)
			}
		}
	})
	b.Run("look", func(b *testing.B) {
		for b.Loop() {
			if loader.Changed(b.Context()) {
				b.Fatal("changed")
			}
		}
	})
}
