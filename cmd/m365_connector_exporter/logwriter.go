package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// maxQueuedLines is how many log lines wait for a slow reader. Later ones are dropped and counted.
const maxQueuedLines = 1024

// logGrace is how long the end of the daemon waits for the reader of its log.
const logGrace = time.Second

// lineWriter writes log lines in the background. A write to a pipe blocks while its reader does not read, and every
// caller of the logger with it, the shutdown too: a daemon must not depend on its log collector.
type lineWriter struct {
	to    io.Writer
	lines chan []byte
	done  chan struct{} // closed when all lines are written

	mu      sync.Mutex
	closed  bool
	dropped int
}

func newLineWriter(to io.Writer) *lineWriter {
	w := &lineWriter{to: to, lines: make(chan []byte, maxQueuedLines), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *lineWriter) run() {
	defer close(w.done)
	for line := range w.lines {
		_, _ = w.to.Write(line) // an error of the log cannot be logged
		if n := w.takeDropped(); n > 0 {
			_, _ = fmt.Fprintf(w.to, "level=WARN msg=\"log lines dropped, their reader is too slow\" lines=%d\n", n)
		}
	}
}

func (w *lineWriter) takeDropped() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.dropped
	w.dropped = 0
	return n
}

// Write queues a line. It never blocks and never fails.
func (w *lineWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return len(line), nil
	}
	select {
	case w.lines <- append([]byte(nil), line...):
	default:
		w.dropped++
	}
	return len(line), nil
}

// close writes the lines that wait, for at most the given time.
func (w *lineWriter) close(timeout time.Duration) {
	w.mu.Lock()
	w.closed = true
	close(w.lines)
	w.mu.Unlock()
	select {
	case <-w.done:
	case <-time.After(timeout):
	}
}
