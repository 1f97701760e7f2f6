package config_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

var update = flag.Bool("update", false, "rewrite the expected errors of testdata/bad; read them before committing")

// TestAllMistakesAreReported loads every invalid configuration of testdata/bad. All mistakes are reported in one run:
// those of the main file, else those that disable a tenant, then warnings.
func TestAllMistakesAreReported(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir, want := t.TempDir(), &archive.Files[len(archive.Files)-1]
			for _, f := range archive.Files {
				put(t, filepath.Join(dir, f.Name), string(f.Data), 0o600)
			}
			got := strings.ReplaceAll(report(filepath.Join(dir, "main.yaml")), dir, "DIR")
			if diff := cmp.Diff(string(want.Data), got); diff != "" && !*update {
				t.Error(diff)
			}
			if want.Data = []byte(got); *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func report(file string) string {
	cfg, err := config.Load(context.Background(), file)
	if err != nil {
		return err.Error() + "\n"
	}
	text := cfg.Problems().Error() + "\n"
	for _, w := range cfg.Warnings {
		text += "warning: " + w + "\n"
	}
	return text
}
