package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigCheckTestsTheStateFile(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		want       string // "" is in order
	}{
		"new": {"state.json", "", ""},
		"far in the future": {
			"state.json", `{"contoso/outbound/a/b": "2096-01-01T00:00:00Z"}`,
			"is dated 2096-01-01T00:00:00Z",
		},
		"too large":        {"state.json", "{}" + strings.Repeat(" ", 16<<20), "larger than 16 MB"},
		"a missing folder": {"missing/state.json", "", "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.text != "" {
				writeState(t, filepath.Join(dir, c.file), c.text)
			}
			config := filepath.Join(dir, "config.yaml")
			writeState(t, config, fmt.Sprintf("global: { state_file: %s }\n", c.file))
			var out bytes.Buffer
			code := run(t.Context(), hangups{}, []string{"--config.check", "--config.file=" + config}, &out, &out)
			if c.want == "" && code != exitOK || c.want != "" &&
				(code != exitUsage || !strings.Contains(out.String(), c.want)) {
				t.Errorf("exit status %d, output %q; want %q", code, out.String(), c.want)
			}
		})
	}
}

func writeState(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
