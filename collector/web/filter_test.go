package web

import (
	"strings"
	"testing"
)

// TestHolds: what is ruled out at first sight is never what a text holds.
func TestHolds(t *testing.T) {
	texts := []string{
		"", "a", "Mail.Contoso.COM", "\u212Aelvin", "\u0130s", "K\u00d6LN", "TLS 1.3, abcdefghijklmnop", "\xff\x00-[]",
		strings.Repeat("x", maxShown) + "end",
	}
	for _, query := range []string{
		"A", "mail.contoso", "contoso.com", "K", "kelvin", "i", "\u0130s", "k\u00d6LN", "ABCDEFGHIJKLMNOP",
		"abcdefghijklmnoq", "-[", "\xff", "end", "3, a",
	} {
		want := strings.ToLower(query)
		f := filter{lowerText: want, rareBytes: rareBytesOf(want)}
		for _, s := range texts {
			if got, plain := f.contains(s), strings.Contains(strings.ToLower(s[:min(len(s), maxShown)]), want); got != plain {
				t.Errorf("%q in %q: %t", query, s, got)
			}
		}
	}
}
