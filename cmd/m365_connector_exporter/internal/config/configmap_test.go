package config_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// TestConfigMapFolders: a ConfigMap mounted as the folder of all exports, another as the folder of one tenant, and the
// lost+found of a new volume make no tenants but those of the exports. The kubelet writes each version to a folder of
// its own and swaps the link ..data.
func TestConfigMapFolders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	exports := filepath.Join(t.TempDir(), "exports")
	at := func(name string) string { return filepath.Join(exports, name) }
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, at(name)+".next"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(at(name)+".next", at(name)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, at("..2026_11_29_10_00_00.1/contoso/o.json"), outJSON, 0o600)
	link("..2026_11_29_10_00_00.1", "..data")
	link("..data/contoso", "contoso")
	put(t, at("fabrikam/..2026_11_29_10_00_00.2/o.json"), outJSON, 0o600)
	link("..2026_11_29_10_00_00.2", "fabrikam/..data")
	link("..data/o.json", "fabrikam/o.json")
	if err := os.Mkdir(at("lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(filepath.Dir(exports), "config.yaml")
	put(t, main, "tenant_folders: ['exports/*']\n", 0o600)

	loader := config.NewLoader(main)
	tenants := func(version string) {
		t.Helper()
		cfg, err := loader.Load(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		var names []string
		for _, tenant := range cfg.Tenants {
			names = append(names, tenant.Name)
		}
		if !slices.Equal(names, []string{"contoso", "fabrikam"}) || cfg.Problems() != nil {
			t.Errorf("%s: tenants %q, problems %v", version, names, cfg.Problems())
		}
	}
	tenants("first version")
	put(t, at("..2026_11_29_11_00_00.3/contoso/o.json"), twoJSON, 0o600)
	link("..2026_11_29_11_00_00.3", "..data")
	if err := os.RemoveAll(at("..2026_11_29_10_00_00.1")); err != nil {
		t.Fatal(err)
	}
	if !loader.Changed(t.Context()) {
		t.Error("the swapped link is no change")
	}
	tenants("second version")
}
