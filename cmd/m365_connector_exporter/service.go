package main

import (
	"bytes"
	"io"
	"strings"
)

// eventLevel is the severity of an entry in the event log.
type eventLevel uint8

const (
	eventInfo eventLevel = iota
	eventWarning
	eventError
)

// maxEvent bounds one entry: an event log takes 31,839 characters.
const maxEvent = 30_000

// events writes each line of a log as one entry of an event log.
type events struct {
	report func(eventLevel, string)
}

var _ io.Writer = events{}

// Write writes each line as an entry. It returns no error: a broken log must not stop the daemon.
func (e events) Write(text []byte) (int, error) {
	for line := range bytes.Lines(text) {
		line := strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(string(line), "\x00", ""), "\uFFFD"))
		if line != "" {
			e.report(levelOf(line), line[:min(len(line), maxEvent)])
		}
	}
	return len(text), nil
}

// levelOf returns the level in a line of slog, in text or JSON format.
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
