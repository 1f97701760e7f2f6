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

// TestStateFileIsAPipe: a FIFO without a writer as the state file is refused at the start; while running, no message
// is sent.
func TestStateFileIsAPipe(t *testing.T) {
	const want = "state.json: not a regular file"
	file := filepath.Join(t.TempDir(), "state.json")
	b := budget(t, file, &clock{noon})
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Skip(err)
	}
	if ok, _, err := b.Take("a", time.Hour); ok || err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("a message may be sent: %t, %v", ok, err)
	}
	if _, err := schedule.NewMessageBudget(file, time.Now); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("NewMessageBudget: %v", err)
	}
	if info, err := os.Lstat(file); err != nil || info.Mode().IsRegular() {
		t.Errorf("the pipe was replaced: %v, %v", info, err)
	}
}
