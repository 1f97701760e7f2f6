package regularfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m365_connector_exporter/probes/regularfile"
)

const megabyte = 1 << 20

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct {
		name, path string
		size       int
		err        string
	}{
		{"empty", write("empty", 0), 0, ""},
		{"small", write("small", 5000), 5000, ""},
		{"as large as the limit", write("full", megabyte), megabyte, ""},
		{"larger", write("larger", megabyte+1), 0, "larger than 1 MB"},
		{"folder", dir, 0, "not a regular file but a folder: name the files in it"},
		{"missing", filepath.Join(dir, "missing"), 0, fs.ErrNotExist.Error()},
	} {
		c, err := regularfile.Read(t.Context(), test.path, megabyte)
		if len(c.Data) != test.size || (err == nil) != (test.err == "") {
			t.Errorf("%s: %d bytes, %v; want %d, %q", test.name, len(c.Data), err, test.size, test.err)
		}
		if err == nil && c.Info.Size() != int64(test.size) {
			t.Errorf("%s: described as %d bytes, want %d", test.name, c.Info.Size(), test.size)
		}
		if err != nil && (strings.Contains(err.Error(), dir) || test.err != err.Error() && !errors.Is(err, fs.ErrNotExist)) {
			t.Errorf("%s: %v; want %s, without the path", test.name, err, test.err)
		}
	}
}

func TestListings(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.json", "a.json", "c.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := regularfile.Glob(t.Context(), filepath.Join(dir, "*.json"))
	if err != nil || len(found) != 2 || filepath.Base(found[0]) != "a.json" {
		t.Errorf("Glob: %q, %v", found, err)
	}
	entries, err := regularfile.ReadDir(t.Context(), dir)
	if err != nil || len(entries) != 3 || entries[2].Name() != "c.txt" {
		t.Errorf("ReadDir: %v, %v", entries, err)
	}
	if info, err := regularfile.Stat(t.Context(), dir); err != nil || !info.IsDir() {
		t.Errorf("Stat: %v, %v", info, err)
	}
	for name, err := range map[string]error{
		"ReadDir": second(regularfile.ReadDir(t.Context(), filepath.Join(dir, "missing"))),
		"Stat":    second(regularfile.Stat(t.Context(), filepath.Join(dir, "missing"))),
	} {
		if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s of what is missing: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
