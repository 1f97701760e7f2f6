// Package text puts results into words: for a terminal, and as JSON for programs.
//
// The facts come as values (a probe result, a finding, an attribution); nothing is judged here. What terminal, JSON
// and the pages of package web have in common is worded once, in wording.go: replies, outcomes of an attribution, the
// remaining lifetime of a certificate, lists of which only the first items are shown.
//
// Replies, names and certificates are untrusted. All of it passes Printable, which escapes control and formatting
// characters and invalid UTF-8, so that nothing reaches a terminal as an escape sequence; replies also pass
// probes.Redact, which hides mailboxes and tokens. JSON keys and values are a stable interface, described in
// docs/schema; fields are only ever added.
package text

import (
	"io"
	"strings"
)

// Options control how text is printed.
type Options struct {
	Color bool
	Width int // in columns, to wrap lines at; lines are not wrapped if it is below 40
}

// printer collects lines and writes them at once.
type printer struct {
	Options
	b strings.Builder
}

func (p *printer) flush(w io.Writer) error {
	_, err := io.WriteString(w, p.b.String())
	return err
}

// The colours of terminals (ECMA-48, SGR).
const (
	colorReset  = "\x1b[0m"
	colorDim    = "\x1b[2m"
	colorRed    = "\x1b[31m"
	colorGreen  = "\x1b[32m"
	colorYellow = "\x1b[33m"
)

func (p *printer) colored(color, s string) string {
	if !p.Color {
		return s
	}
	return color + s + colorReset
}
