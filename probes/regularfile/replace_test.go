package regularfile_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"m365_connector_exporter/probes/regularfile"
)

func TestReplaceWritesTheWholeFileWithItsMode(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "state.json")
	for _, text := range []string{"first and longer", "second"} {
		if err := regularfile.Replace(file, []byte(text), 0o640, "state.*.tmp"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != text {
			t.Errorf("read %q, %v, want %q", got, err, text)
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != 0o640 {
		t.Errorf("mode %v, want 0640", info.Mode())
	}
	if names := list(t, folder); len(names) != 1 {
		t.Errorf("files %v, want the file alone", names)
	}
}

func TestReplaceLeavesNoTemporaryFileAfterAFailure(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "state.json")
	if err := os.MkdirAll(filepath.Join(file, "inside"), 0o700); err != nil { // a folder cannot be replaced
		t.Fatal(err)
	}
	if regularfile.Replace(file, []byte("text"), 0o600, "state.*.tmp") == nil {
		t.Error("a folder was replaced")
	}
	if names := list(t, folder); len(names) != 1 {
		t.Errorf("files %v, want the folder alone", names)
	}
	if regularfile.Replace(filepath.Join(folder, "missing", "file"), nil, 0o600, "*") == nil {
		t.Error("a file was written to a folder that does not exist")
	}
}

// list returns the names in a folder.
func list(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
