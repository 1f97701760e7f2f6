// Package runbooks embeds the runbooks, one Markdown file per alert, and every exporter serves them at
// /runbooks/: reading one needs no other host.
package runbooks

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.md
var files embed.FS

// Names returns the names of the alerts that have a runbook, sorted.
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

// Read returns the Markdown of an alert's runbook, and reports whether there is one.
func Read(alert string) ([]byte, bool) {
	text, err := files.ReadFile(alert + ".md")
	return text, err == nil
}
