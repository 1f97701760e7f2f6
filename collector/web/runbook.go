package web

import (
	"bytes"
	"html/template"
	"net/http"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"m365_connector_exporter/docs/runbooks"
)

var markdown = goldmark.New(goldmark.WithExtensions(extension.Table))

// runbook answers /runbooks/ALERT, with or without .md, as the alerts' runbook_url ends.
func (s *Site) runbook(w http.ResponseWriter, r *http.Request) {
	if _, err := params(r); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	alert := strings.TrimSuffix(r.PathValue("alert"), ".md")
	text, ok := runbooks.Read(alert)
	if !ok {
		refuse(w, http.StatusNotFound, "no such runbook: /reference lists them all")
		return
	}
	var page bytes.Buffer
	if err := markdown.Convert(here(text), &page); err != nil {
		refuse(w, http.StatusInternalServerError, "the page could not be made")
		return
	}
	s.render(w, "runbook", frame{Title: alert, Root: "../", Page: template.HTML(page.String())}) //nolint:gosec // it is part of the binary
}

// document is a link from a runbook to another document of the repository.
var document = regexp.MustCompile(`\[([^\]]*)\]\(\.\./(\w+)\.md\)`)

// here turns links to documents into links to these pages, or into the document's name where no page shows it.
func here(text []byte) []byte {
	return document.ReplaceAllFunc(text, func(link []byte) []byte {
		part := document.FindSubmatch(link)
		switch name := string(part[2]); name {
		case "checks", "reasons":
			return []byte("[" + string(part[1]) + "](../reference#" + name + ")")
		default:
			return []byte("docs/" + name + ".md")
		}
	})
}
