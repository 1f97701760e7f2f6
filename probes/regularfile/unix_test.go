//go:build unix

package regularfile_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"m365_connector_exporter/probes/regularfile"
)

// TestReadRefusesPipes: opening a FIFO would block until another process opens it to write; reading /dev/zero would
// never end.
func TestReadRefusesPipes(t *testing.T) {
	dir, err := os.MkdirTemp("", "pipes") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	for path, want := range map[string]error{
		pipe: regularfile.ErrNotRegular, "/dev/zero": regularfile.ErrNotRegular, socket: syscall.ENXIO,
	} {
		if c, err := regularfile.Read(t.Context(), path, megabyte); !errors.Is(err, want) {
			t.Errorf("%s: %d bytes, %v; want %v", path, len(c.Data), err, want)
		}
	}
}

// TestFileSwappedForAPipe swaps a file for a FIFO and back while it is read: what was opened counts, not what the
// path led to before.
func TestFileSwappedForAPipe(t *testing.T) {
	dir := t.TempDir()
	path, file, pipe := filepath.Join(dir, "path"), filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	swap := func() {
		for _, step := range []func() error{
			func() error { return os.WriteFile(file, []byte("text"), 0o600) },
			func() error { return os.Rename(file, path) },
			func() error { return syscall.Mkfifo(pipe, 0o600) },
			func() error { return os.Rename(pipe, path) },
		} {
			if err := step(); err != nil {
				t.Error(err)
			}
		}
	}
	swap()
	swapped := make(chan struct{})
	go func() {
		defer close(swapped)
		for range 300 {
			swap()
		}
	}()
	for {
		c, err := regularfile.Read(t.Context(), path, megabyte)
		if err == nil && string(c.Data) != "text" || err != nil && !errors.Is(err, regularfile.ErrNotRegular) {
			t.Fatalf("%q, %v", c.Data, err)
		}
		select {
		case <-swapped:
			return
		default:
		}
	}
}
