package text

import (
	"strings"
	"unicode/utf8"

	"m365_connector_exporter/probes"
)

// maxText bounds, in bytes, what is printed of one string.
const maxText = 4096

// printable keeps terminal escapes, control characters and invalid UTF-8 of a peer away from the terminal. Several lines become one.
func printable(s string) string {
	return probes.Sanitise(strings.ReplaceAll(s, "\n", " "), maxText)
}

// Printable is one line of printable, bounded text.
func Printable(s string) string { return printable(s) }

// printableLines is safe for JSON, whose strings may hold several lines: encoding/json escapes ESC, but neither DEL nor the C1 controls,
// of which U+009B alone begins an escape sequence.
func printableLines(s string) string {
	lines := strings.Split(Truncate(s, maxText), "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// Truncate keeps the beginning of a text that is longer than most bytes, and "…".
func Truncate(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// line prints a line of printable text, indented and, where a width is given, wrapped between words under the same indent.
func (p *printer) line(indent int, s string) {
	margin := strings.Repeat(" ", indent)
	room := p.Width - indent
	if p.Width < 40 || columns(s) <= room {
		p.b.WriteString(strings.TrimRight(margin+s, " ") + "\n")
		return
	}
	row := ""
	for word := range strings.SplitSeq(s, " ") {
		if row != "" && columns(row)+1+columns(word) > room {
			p.b.WriteString(strings.TrimRight(margin+row, " ") + "\n")
			row = word
			continue
		}
		if row != "" {
			row += " "
		}
		row += word
	}
	p.b.WriteString(strings.TrimRight(margin+row, " ") + "\n")
}

// columns counts runes without our own colours. Wide characters count one: a line may then stick out, never break.
func columns(s string) int {
	n := utf8.RuneCountInString(s)
	for rest := s; ; {
		_, after, found := strings.Cut(rest, "\x1b[")
		if !found {
			return n
		}
		code, tail, _ := strings.Cut(after, "m")
		n -= utf8.RuneCountInString(code) + 3
		rest = tail
	}
}
