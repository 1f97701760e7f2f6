package regularfile_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"m365_connector_exporter/probes/regularfile"
)

func TestLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state.lock")
	unlock, err := regularfile.Lock(name, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = regularfile.Lock(name, 0)
	if !errors.Is(err, regularfile.ErrLocked) || !strings.Contains(err.Error(), name) {
		t.Errorf("a second lock: %v, want ErrLocked with the name", err)
	}
	unlock()
	again, err := regularfile.Lock(name, 0)
	if err != nil {
		t.Fatalf("after it was released: %v", err)
	}
	again()
	if _, err := regularfile.Lock(filepath.Join(name, "none"), 0); err == nil || errors.Is(err, regularfile.ErrLocked) {
		t.Errorf("a lock that cannot be created: %v, want another error", err)
	}
}
