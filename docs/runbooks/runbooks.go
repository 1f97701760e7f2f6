// Package runbooks is what to do when an alert fires, as part of the binary: whoever is woken needs no other host to read it.
package runbooks

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.md
var files embed.FS

// Names lists the alerts that have a runbook, in alphabetical order.
func Names() []string {
	all, err := fs.Glob(files, "*.md")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i, file := range all {
		all[i] = strings.TrimSuffix(file, ".md")
	}
	return all
}

// Read returns the Markdown of an alert's runbook, if it has one.
func Read(alert string) ([]byte, bool) {
	text, err := files.ReadFile(alert + ".md")
	return text, err == nil
}
