package config

import (
	"fmt"
	"slices"
	"strings"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/spelling"
)

// hint returns the nearest known word, or all of them if there are few.
func hint(got string, known []string) string {
	if near := spelling.Nearest(got, known); near != "" {
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

// didYouMean returns the end of a message that suggests the nearest known word, or "".
func didYouMean(got string, known []string) string {
	if near := spelling.Nearest(got, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
