//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The kernel's clock cannot be set for a single program. The daemon is therefore built with a Go library whose time.Now
// adds the content of a file to the wall clock but not to the monotonic clock, as if the clock had been set. The
// runtime calls time.Now where blocking is not allowed, so a separate goroutine reads the file.
const (
	clockRead = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	clockStep = "\tsec += WallStep.Load()\n"
	clockFile = "E2E_CLOCK" // environment variable with the file name; the file contains seconds

	clockLibrary = `package time

import "sync/atomic"

var WallStep atomic.Int64
`
	clockProgram = `package main

import (
	"os"
	"strconv"
	"time"
)

func init() {
	read := func() {
		text, _ := os.ReadFile(os.Getenv("` + clockFile + `"))
		seconds, _ := strconv.ParseInt(string(text), 10, 64)
		time.WallStep.Store(seconds)
	}
	read()
	go func() {
		for range time.Tick(50 * time.Millisecond) {
			read()
		}
	}()
}
`
)

// clock is the clock of a daemon that buildWithClock has built.
type clock struct {
	w    *world
	file string
}

// buildWithClock builds a binary with a clock that can be set, and sets the environment variable that it needs.
func (w *world) buildWithClock(setenv func(name, value string)) *clock {
	w.t.Helper()
	library := filepath.Join(strings.TrimSpace(run(w.t, "..", "go", "env", "GOROOT")), "src", "time")
	program, err := filepath.Abs("..")
	w.ca.must(err)
	source := filepath.Join(library, "time.go")
	text := read(w.t, source)
	if n := strings.Count(text, clockRead); n != 1 {
		w.t.Fatalf("%s contains %d times\n%swant once: time.Now of this Go version differs, update clockRead", source,
			n, clockRead)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		source:                                w.write("time.go", strings.Replace(text, clockRead, clockRead+clockStep, 1)),
		filepath.Join(library, "wallstep.go"): w.write("wallstep.go", clockLibrary),
		filepath.Join(program, "wallstep.go"): w.write("program.go", clockProgram),
	}})
	w.ca.must(err)
	w.binary = filepath.Join(w.dir, "m365_connector_exporter")
	runWithin(w.t, 10*time.Minute, "..", "go", "build", "-overlay", w.write("overlay.json", string(overlay)), "-o",
		w.binary, ".")
	c := &clock{w: w, file: filepath.Join(w.dir, "clock")}
	setenv(clockFile, c.file)
	return c
}

// set sets the clock to the current time plus by.
func (c *clock) set(by time.Duration) {
	c.w.t.Helper()
	next := c.file + ".next"
	writeFile(c.w.t, next, strconv.FormatInt(int64(by/time.Second), 10), 0o600)
	c.w.ca.must(os.Rename(next, c.file))
}
