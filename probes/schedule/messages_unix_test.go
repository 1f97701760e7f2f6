//go:build unix

package schedule_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"m365_connector_exporter/probes/schedule"
)

// TestStateFileIsAPipe: a FIFO without a writer as the state file is refused at the start, and while running no
// message goes.
func TestStateFileIsAPipe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	b := budget(t, file, &clock{time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)})
	var reported string
	b.OnError(func(err error) { reported = err.Error() })
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Skip(err)
	}
	if ok, _ := b.Take("a", time.Hour); ok || !strings.HasSuffix(reported, "state.json: not a regular file") {
		t.Errorf("a message may go: %t, reported %q", ok, reported)
	}
	if _, err := schedule.NewMessageBudget(file, time.Now); err == nil || !strings.HasSuffix(err.Error(), "state.json: not a regular file") {
		t.Errorf("NewMessageBudget: %v", err)
	}
	if info, err := os.Lstat(file); err != nil || info.Mode().IsRegular() {
		t.Errorf("the pipe was replaced: %v, %v", info, err)
	}
}
