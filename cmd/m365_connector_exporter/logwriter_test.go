//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestLineWriterWritesAllLines(t *testing.T) {
	var out bytes.Buffer
	w := newLineWriter(&out)
	for range 10 {
		_, _ = io.WriteString(w, "line\n")
	}
	w.close(time.Minute)
	_, _ = io.WriteString(w, "late\n")
	if want := strings.Repeat("line\n", 10); out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// TestLineWriterDropsWhatIsNotRead: no write waits for the reader, and the reader learns how many lines it missed.
func TestLineWriterDropsWhatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, pipe := io.Pipe()
		w := newLineWriter(pipe)
		_, _ = io.WriteString(w, "line\n")
		synctest.Wait() // the first line is being written
		for range maxQueuedLines + 7 {
			_, _ = io.WriteString(w, "line\n")
		}
		start := time.Now()
		w.close(time.Second)
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("closing took %v, want 1s", waited)
		}
		go func() { <-w.done; _ = pipe.Close() }()
		out, _ := io.ReadAll(r)
		lines := strings.Count(string(out), "line\n")
		if lines != maxQueuedLines+1 || !strings.Contains(string(out), "lines=7\n") {
			t.Errorf("%d lines; want %d, and that 7 were dropped", lines, maxQueuedLines+1)
		}
	})
}

// TestTerminateWhileTheLogIsNotRead fills the daemon's stderr, a FIFO, once it has logged that it listens: from then on
// it handles signals. It logs that it ends.
func TestTerminateWhileTheLogIsNotRead(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("tenants: [{name: contoso}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "stderr")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(flags int) *os.File {
		f, err := os.OpenFile(file, flags, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	reader := open(os.O_RDONLY | syscall.O_NONBLOCK)
	filler := open(os.O_WRONLY | syscall.O_NONBLOCK)
	cmd := exec.CommandContext(t.Context(), program, "--web.listen-address=127.0.0.1:0", "--config.file="+config)
	cmd.Stderr = open(os.O_WRONLY) // of its own: the daemon's writes block
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(reader)
	for lines.Scan() && !strings.Contains(lines.Text(), "Listening on") {
		t.Log(lines.Text())
	}
	fill(t, filler)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v, want exit status 0", err)
	}
}

// fill writes to a FIFO until the system accepts no further byte.
func fill(t *testing.T, fifo *os.File) {
	t.Helper()
	raw, err := fifo.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var full error
	err = raw.Write(func(fd uintptr) bool {
		for full == nil || errors.Is(full, syscall.EINTR) {
			_, full = syscall.Write(int(fd), []byte{'x'})
		}
		return true
	})
	if err != nil || !errors.Is(full, syscall.EAGAIN) {
		t.Fatal(err, full)
	}
}
