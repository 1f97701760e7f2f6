package web

import (
	"bytes"
	"html/template"
	"net/http"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"m365_connector_exporter/docs/runbooks"
)

var markdown = goldmark.New(goldmark.WithExtensions(extension.Table))

// runbook serves /runbooks/ALERT, with or without .md: the alerts' runbook_url ends with it.
func (s *Site) runbook(w http.ResponseWriter, r *http.Request) {
	if _, err := params(r); err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	alert := strings.TrimSuffix(r.PathValue("alert"), ".md")
	source, ok := runbooks.Read(alert)
	if !ok {
		s.fail(w, r, http.StatusNotFound, "no such runbook; /reference lists all of them")
		return
	}
	var page bytes.Buffer
	if err := toHTML(localLinks(source), &page); err != nil {
		s.fail(w, r, http.StatusInternalServerError, "the page could not be rendered")
		return
	}
	html := template.HTML(page.String()) //nolint:gosec // rendered from a file of the binary
	s.render(w, "runbook", layoutData{Title: alert, Page: html})
}

// toHTML renders Markdown. Each cell of a table gets the name of its column, because narrow screens stack the cells.
func toHTML(source []byte, page *bytes.Buffer) error {
	document := markdown.Parser().Parse(text.NewReader(source))
	var columns [][]byte
	err := ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		cell, is := n.(*tables.TableCell)
		switch {
		case !entering:
		case n.Kind() == tables.KindTableHeader:
			columns = nil
		case is && n.Parent().Kind() == tables.KindTableHeader:
			columns = append(columns, cell.Lines().Value(source))
			cell.SetAttributeString("scope", []byte("col"))
		case is:
			if i := column(cell); i < len(columns) {
				cell.SetAttributeString("data-column", columns[i])
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return err
	}
	return markdown.Renderer().Render(page, source, document)
}

// column returns how many cells of the row precede this one.
func column(cell ast.Node) int {
	n := 0
	for c := cell.PreviousSibling(); c != nil; c = c.PreviousSibling() {
		n++
	}
	return n
}

// document matches a link from a runbook to another document of the repository.
var document = regexp.MustCompile(`\[([^\]]*)\]\(\.\./([\w-]+)\.md(?:#[\w-]+)?\)`)

// localLinks turns links to documents into links to these pages, or into the document's name if no page shows it.
func localLinks(text []byte) []byte {
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
