package collector

import (
	"strings"
	"unicode"
)

// maxLabel is the longest label value, in runes. Names of ours are shorter; strings of peers are cut.
const maxLabel = 128

// Label is a name as the label value that stands for it on /metrics.
func Label(s string) string { return clean(s) }

// clean makes a label value of what may come from a peer: valid UTF-8, printable, bounded.
func clean(s string) string {
	if plain(s) {
		return s
	}
	if len(s) > 4*maxLabel+4 {
		s = s[:4*maxLabel+4] // no rune is longer than four bytes: the rest would be cut anyway
	}
	runes := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = '\uFFFD'
		}
	}
	if len(runes) > maxLabel {
		runes = append(runes[:maxLabel-1], '…')
	}
	return string(runes)
}

func plain(s string) bool {
	if len(s) > maxLabel {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
