package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A browser gets a page that leads back; a program gets the sentence.
func TestErrorPagesLeadBack(t *testing.T) {
	site := bench()
	site.prefix = "/m365"
	h := site.handler()
	for url, want := range map[string]struct {
		code     int
		back     string // the link to the status page
		sentence string
	}{
		"/m365/path?target=contoso/nowhere/x": {404, "./", "no such path is configured"},
		"/m365/path?target=":                  {400, "./", "target must be TENANT/DIRECTION/CONNECTOR/PATH"},
		"/m365/path?target=<script>":          {400, "./", "&lt;script&gt;"},
		"/m365/?state=down":                   {400, "./", "state &#34;down&#34; is unknown; it must be one of failed"},
		"/m365/nowhere":                       {404, "./", "there is no page at this address"},
		"/m365/runbooks/nowhere":              {404, ".././", "no such runbook"},
		"/m365/runbooks/a%2Fb":                {404, ".././", "no such runbook"},
		"/m365/report/nobody":                 {404, ".././", "no such tenant"},
		"/m365/api/v1/nowhere":                {404, "../.././", "there is no page at this address"},
		"/m365/api/v1/findings?x=1":           {400, "../.././", "unknown parameter &#34;x&#34;"},
		"/m365/a/b/c/d":                       {404, "../../.././", "there is no page at this address"},
		"/m365/a/b/c/d/e/f":                   {404, "", "there is no page at this address"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body := w.Body.String()
		link := `<a href="` + want.back + `">Status of all connectors</a>`
		if w.Code != want.code || !strings.Contains(body, want.sentence) || strings.Contains(body, "<script>") ||
			strings.Contains(body, link) != (want.back != "") {
			t.Errorf("%s = %d, want %d with %q and %s:\n%s", url, w.Code, want.code, want.sentence, link, body)
		}
		if plain := get(h, url); plain.Code != want.code || strings.Contains(plain.Body.String(), "<html") {
			t.Errorf("%s for a program = %d %s", url, plain.Code, plain.Body)
		}
	}
}
