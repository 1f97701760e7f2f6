package config

import (
	"fmt"
	"slices"
	"strings"

	"m365_connector_exporter/collector/check"
)

// Error is one mistake and its place. Message never quotes the contents of exports, certificates, keys or passwords.
type Error struct {
	File    string
	Line    int // 0 where the mistake is not in a line
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

// sorted orders the mistakes by line.
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

// hint names the nearest known word, or all of them where they are few.
func hint(got string, known []string) string {
	if near := nearest(got, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) > 15 {
		document := "configuration"
		if slices.Contains(check.Codes(), known[0]) {
			document = "checks"
		}
		return "docs/" + document + ".md lists the known ones"
	}
	return "known here: " + strings.Join(known, ", ")
}

// squash returns a word in the form that UseMXRecord and use_mx_record have in common.
func squash(word string) string { return strings.ToLower(strings.ReplaceAll(word, "_", "")) }

func nearest(got string, known []string) string {
	best, at := "", 3
	for _, k := range known {
		if d := distance(squash(got), squash(k)); d < at && d < len(k) {
			best, at = k, d
		}
	}
	return best
}

// closest returns the known name that differs least, whatever the difference; "" where none is known.
func closest(got string, known []string) string {
	best := ""
	for _, k := range slices.Sorted(slices.Values(known)) {
		if best == "" || distance(squash(got), squash(k)) < distance(squash(got), squash(best)) {
			best = k
		}
	}
	return best
}

// distance counts single-character edits (Levenshtein); words much longer than any key are not compared.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
