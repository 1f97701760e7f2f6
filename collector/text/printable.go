package text

import (
	"strings"
	"unicode/utf8"

	"m365_connector_exporter/probes"
)

// maxText bounds how much of one string is printed, in bytes.
const maxText = 4096

// Printable returns one line of printable text of bounded length: control and formatting characters and invalid UTF-8
// are escaped, line breaks become spaces.
func Printable(s string) string {
	return probes.Sanitise(strings.ReplaceAll(s, "\n", " "), maxText)
}

// printableLines is Printable for JSON, whose strings may have several lines. encoding/json escapes ESC, but neither
// DEL nor the C1 controls, of which U+009B alone begins an escape sequence.
func printableLines(s string) string {
	lines := strings.Split(Truncate(s, maxText), "\n")
	for i, line := range lines {
		lines[i] = Printable(line)
	}
	return strings.Join(lines, "\n")
}

func printableAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = printableLines(s)
	}
	return out
}

// Truncate returns the beginning of a text that is longer than limit bytes, followed by "…".
func Truncate(s string, limit int) string {
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}

// line prints a line of printable text, indented. If a width is set, it wraps between words under the same indent.
func (p *printer) line(indent int, s string) { p.labelled(strings.Repeat(" ", indent), s) }

// labelled is line with a label instead of the first line's indent.
func (p *printer) labelled(label, s string) {
	margin := strings.Repeat(" ", columns(label))
	room := p.Width - len(margin)
	if p.Width < 40 || columns(s) <= room {
		p.b.WriteString(strings.TrimRight(label+s, " ") + "\n")
		return
	}
	row := ""
	for word := range strings.SplitSeq(s, " ") {
		if row != "" && columns(row)+1+columns(word) > room {
			p.b.WriteString(strings.TrimRight(label+row, " ") + "\n")
			row, label = word, margin
			continue
		}
		if row != "" {
			row += " "
		}
		row += word
	}
	p.b.WriteString(strings.TrimRight(label+row, " ") + "\n")
}

// columns counts runes, without the escape sequences of colours. Wide characters count as one column: their lines may
// be too long, but never break.
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
