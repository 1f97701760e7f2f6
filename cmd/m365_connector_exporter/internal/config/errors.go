package config

import (
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake, with the place where it stands. Message never quotes contents of secrets.
type Error struct {
	File    string
	Line    int // 0 where no line is to blame
	Key     string
	Message string
}

// Error prints "file:line: key: message".
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	return b.String() + e.Message
}

// Errors are all mistakes of one run.
type Errors []Error

// sorted is the same by lines, for people who go through a file from its top.
func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b Error) int { return a.Line - b.Line })
	return e
}

// Error prints one mistake a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// with returns the same place with another message.
func (e Error) with(format string, args ...any) Error {
	e.Message = fmt.Sprintf(format, args...)
	return e
}
