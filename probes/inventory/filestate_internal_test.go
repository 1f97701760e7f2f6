package inventory

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// TestUnchangedFileIsNotReadAgain: what counts is the time of a file's last change, which no program can set.
func TestUnchangedFileIsNotReadAgain(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("files are always read")
	}
	old := time.Now().Add(-time.Hour)
	for name, test := range map[string]struct {
		change func(path string) error
		want   bool
	}{
		"nothing":                    {func(string) error { return nil }, true},
		"touched":                    {func(path string) error { return os.Chtimes(path, old, old) }, false},
		"another text with its time": {func(path string) error { return writeOld(path, "2", old) }, false},
		"removed":                    {os.Remove, false},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := writeOld(path, "1", old); err != nil {
			t.Fatal(err)
		}
		seen := &fileState{path: path}
		hash := seen.current(t.Context())
		if seen.unchanged(t.Context()) {
			t.Errorf("%s: a file that has only just been written is trusted", name)
		}
		seen.at = seen.at.Add(2 * settled) // as if it had been written long before it was read
		awaitTick(t, seen.info)
		if err := test.change(path); err != nil {
			t.Fatal(err)
		}
		if got := seen.unchanged(t.Context()); got != test.want {
			t.Errorf("%s: unchanged = %t, want %t", name, got, test.want)
		}
		if same := seen.current(t.Context()) == hash; same != (name == "nothing" || name == "touched") {
			t.Errorf("%s: the same contents: %t", name, same)
		}
	}
}

// awaitTick returns when a change of a file would have a later time than that of the given one: the kernel's clock of
// files has steps.
func awaitTick(t *testing.T, last os.FileInfo) {
	t.Helper()
	before, _ := changeTime(last)
	for {
		path := filepath.Join(t.TempDir(), "tick")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if now, _ := changeTime(info); now.After(before) {
			return
		}
	}
}

// writeOld writes a file and sets its modification time back.
func writeOld(path, text string, at time.Time) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Chtimes(path, at, at)
}
