// Package spelling suggests the known word that a person probably meant: a key, an enum value, a command, a flag or the
// name of a tenant. Error messages quote the suggestion; nothing decides by it.
//
// Words are compared without regard to case, and without the characters that separate words: UseMXRecord and
// use_mx_record are the same. What remains is compared by the Levenshtein distance, the number of characters to insert,
// delete or replace.
package spelling

import (
	"slices"
	"strings"
)

const (
	maxEdits  = 2
	minPrefix = 3  // characters of an abbreviation
	maxLength = 64 // bytes of a word that is compared: no key or name that people type is longer
)

// Nearest returns the known word that text probably is: the only one that text abbreviates, or else the first of those
// with the fewest edits, at most two. It returns "" if there is none.
func Nearest(text string, known []string) string {
	squashed := squash(text)
	if word := abbreviated(squashed, known); word != "" {
		return word
	}
	best, edits := "", maxEdits+1
	for _, word := range known {
		if d := distance(squashed, squash(word)); d < edits && d < len(word) {
			best, edits = word, d
		}
	}
	return best
}

// Closest returns the known word with the fewest edits, however many; "" if none is known.
func Closest(text string, known []string) string {
	squashed := squash(text)
	best, edits := "", 0
	for _, word := range slices.Sorted(slices.Values(known)) {
		if d := distance(squashed, squash(word)); best == "" || d < edits {
			best, edits = word, d
		}
	}
	return best
}

// abbreviated returns the only known word that begins with a text, or "".
func abbreviated(squashed string, known []string) (found string) {
	if len(squashed) < minPrefix {
		return ""
	}
	for _, word := range known {
		if !strings.HasPrefix(squash(word), squashed) {
			continue
		}
		if found != "" && found != word {
			return ""
		}
		found = word
	}
	return found
}

var separators = strings.NewReplacer("_", "", "-", "", " ", "")

// squash returns the form that UseMXRecord, use_mx_record and use-mx-record have in common.
func squash(word string) string { return strings.ToLower(separators.Replace(word)) }

// distance returns the Levenshtein distance of two words in bytes, or maxLength if one is longer than that.
func distance(a, b string) int {
	if len(a) > maxLength || len(b) > maxLength {
		return maxLength
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
