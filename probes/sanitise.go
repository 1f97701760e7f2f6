package probes

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sanitise makes text from outside safe for terminals, pages, labels and logs. Line breaks, other control characters,
// format characters (which can reverse the direction of text) and invalid UTF-8 are replaced with Go escapes. Text
// longer than most bytes, at least 3, is cut and ends with "…".
func Sanitise(s string, most int) string {
	if len(s) <= most && harmless(s) {
		return s
	}
	var b strings.Builder
	fits := 0 // length of b that leaves room for "…"
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

// harmless reports whether text is printable ASCII, the common case.
func harmless(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
