package config

import (
	"fmt"
	"slices"
	"strings"

	"m365_connector_exporter/collector/check"
)

// hint returns the nearest known word, or all of them if there are few.
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

// closest returns the known name that differs least, whatever the difference; "" if none is known.
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
