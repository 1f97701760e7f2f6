package main

import (
	"bytes"
	"io"
	"strings"
)

// eventLevel is how much a log line matters to an event log.
type eventLevel uint8

const (
	eventInfo eventLevel = iota
	eventWarning
	eventError
)

// maxEvent bounds one entry: an event log takes 31,839 characters.
const maxEvent = 30_000

// events cuts a log into entries for an event log, which has no stream: each line is an entry of its own.
type events struct {
	report func(eventLevel, string)
}

var _ io.Writer = events{}

// Write reports each line. It never fails: a log that cannot be written must not stop the daemon.
func (e events) Write(text []byte) (int, error) {
	for line := range bytes.Lines(text) {
		line := strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(string(line), "\x00", ""), "\uFFFD"))
		if line != "" {
			e.report(levelOf(line), line[:min(len(line), maxEvent)])
		}
	}
	return len(text), nil
}

// levelOf reads the level that slog writes, in text and in JSON.
func levelOf(line string) eventLevel {
	switch {
	case strings.Contains(line, "level=ERROR"), strings.Contains(line, `"level":"ERROR"`):
		return eventError
	case strings.Contains(line, "level=WARN"), strings.Contains(line, `"level":"WARN"`):
		return eventWarning
	default:
		return eventInfo
	}
}
