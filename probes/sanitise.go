package probes

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sanitise makes a stranger's text harmless for a terminal, a page, a label and a log. Line breaks, other control characters, format
// characters (which turn the direction of text around) and what is no UTF-8 become Go escapes, so that they can still be told apart;
// the rest stays as it is. Of what is longer than most bytes, at least 3, the beginning is kept, and "…".
func Sanitise(s string, most int) string {
	if len(s) <= most && harmless(s) {
		return s
	}
	var b strings.Builder
	fits := 0 // how much of b leaves room for "…"
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		piece := s[:size]
		switch {
		case r == utf8.RuneError && size == 1:
			piece = fmt.Sprintf(`\x%02x`, s[0])
		case !unicode.IsPrint(r) && r > 0xffff:
			piece = fmt.Sprintf(`\U%08x`, r)
		case !unicode.IsPrint(r):
			piece = fmt.Sprintf(`\u%04x`, r)
		}
		if b.Len()+len(piece) > most {
			return b.String()[:fits] + "…"
		}
		b.WriteString(piece)
		if b.Len() <= most-len("…") {
			fits = b.Len()
		}
		s = s[size:]
	}
	return b.String()
}

// harmless is the common case: printable ASCII.
func harmless(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
