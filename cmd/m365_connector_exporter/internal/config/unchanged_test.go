package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/mailflow"
)

// TestUnchangedTenantsAreNotReadAgain: those taken over have the very connectors of the load before.
func TestUnchangedTenantsAreNotReadAgain(t *testing.T) {
	const mainText = "tenant_folders: ['x/*']\ntenant_files: ['t/*.yaml']\ntenants: [{name: inline, outbound_connectors: [{name: Out}]}]\n"
	base := map[string]string{
		"x/a/d.json": domainJSON, "x/a/o.json": outJSON, "x/told/o.json": `{"Name":"Out","UseMXRecord":"perhaps"}`,
		"t/f.yaml": "name: file\noutbound_connectors: [{name: Out}]\n", "t/g.yaml": "name: naming\nexports: [../y/o.json]\n", "y/o.json": outJSON,
		"main.yaml": mainText,
	}
	for name, c := range map[string]struct {
		change map[string]string
		fresh  bool // the files are so new that a change might not show in their times
		over   string
	}{
		"nothing changes":                    {nil, false, "a file"},
		"a folder's export changes":          {map[string]string{"x/a/o.json": `{"Name":"Other","UseMXRecord":true}`}, false, "file"},
		"of the same size":                   {map[string]string{"x/a/o.json": `{"Name":"Two","UseMXRecord":true}`}, false, "file"},
		"an export comes":                    {map[string]string{"x/a/i.json": inboundJSON}, false, "file"},
		"a file changes":                     {map[string]string{"t/f.yaml": "name: file\noutbound_connectors: [{name: New}]\n"}, false, "a"},
		"what it inherits may change":        {map[string]string{"main.yaml": mainText + "probe: {interval: 2m}\n"}, false, "a"},
		"the name is in the main file, too":  {map[string]string{"main.yaml": mainText + "probe: {}\n", "x/file/o.json": outJSON}, false, "a"},
		"an overlay of the folder appears":   {map[string]string{"t/h.yaml": "name: a\nprobe: {interval: 2m}\n"}, false, "file"},
		"the files have only just been made": {nil, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range slices.Sorted(maps.Keys(base)) {
				put(t, filepath.Join(dir, file), base[file], 0o600)
				if old := time.Now().Add(-time.Hour); !c.fresh {
					if err := os.Chtimes(filepath.Join(dir, file), old, old); err != nil {
						t.Fatal(err)
					}
				}
			}
			main := filepath.Join(dir, "main.yaml")
			first, err := config.Load(main, nil)
			if err != nil {
				t.Fatal(err)
			}
			for file, text := range c.change {
				put(t, filepath.Join(dir, file), text, 0o600)
			}
			second, err := config.Load(main, first)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(takenOver(first, second), " "); got != c.over {
				t.Errorf("taken over: %q, want %q", got, c.over)
			}
			anew, err := config.Load(main, nil)
			if err != nil || anew.Fingerprint() != second.Fingerprint() || !slices.Equal(anew.Warnings, second.Warnings) || len(config.Changes(anew, second)) > 0 {
				t.Errorf("a reload gives another configuration than a start: %v, warnings %q and %q", err, anew.Warnings, second.Warnings)
			}
		})
	}
}

func takenOver(before, after *config.Config) (names []string) {
	held := map[*mailflow.OutboundConnector]bool{}
	for _, t := range before.Tenants {
		held[&t.Outbound[0]] = true
	}
	for _, t := range after.Tenants {
		if held[&t.Outbound[0]] {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	return names
}
