package web

import (
	"html/template"
	"net/http"
	"strings"
	"sync"
)

// errorPage is a request that was not served, and why.
type errorPage struct {
	Status   string // "404 Not Found"
	Sentence string
}

// maxDepth is how many slashes the address of an error page may have below the prefix: its links are relative.
const maxDepth = 3

// errorPages returns the pages by that number.
var errorPages = sync.OnceValue(func() (all [maxDepth + 1]*template.Template) {
	for depth := range all {
		all[depth] = parsePage(strings.Repeat("../", depth), "error")
	}
	return all
})

// fail answers with an error: for a browser with a page that leads back to the others, else with a sentence as plain
// text.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, code int, sentence string) {
	below := strings.TrimPrefix(r.URL.EscapedPath(), s.Prefix+"/")
	depth := strings.Count(below, "/")
	if depth > maxDepth || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, sentence, code)
		return
	}
	page := errorPage{Status: itoa(code) + " " + http.StatusText(code), Sentence: sentence}
	s.execute(w, code, errorPages()[depth], layoutData{Title: page.Status, Page: page})
}

// notFound answers requests for addresses that are no route.
func (s *Site) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, http.StatusNotFound, "there is no page at this address")
}
