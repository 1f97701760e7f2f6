//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
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

// TestTerminateWhileTheLogIsNotRead starts the daemon with a full pipe as stderr.
func TestTerminateWhileTheLogIsNotRead(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	_ = w.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	_, _ = w.Write(make([]byte, 1<<20)) // until it is full
	cmd := exec.CommandContext(t.Context(), program, "--web.listen-address=127.0.0.1:0", "--config.file="+slowToLoad(t))
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Second, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	kill := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v, want exit status 0", err)
	}
}
