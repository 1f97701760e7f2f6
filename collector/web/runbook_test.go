package web_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/docs/runbooks"
)

func TestRunbooks(t *testing.T) {
	s := &testSite{prefix: "/m365"}
	h := s.handler()
	for _, alert := range runbooks.Names() {
		plain, named := get(h, "/m365/runbooks/"+alert), get(h, "/m365/runbooks/"+alert+".md")
		if plain.Code != 200 || plain.Body.String() != named.Body.String() ||
			!strings.Contains(plain.Body.String(), "<h1>"+alert+"</h1>") {
			t.Errorf("%s: %d, with .md %d:\n%s", alert, plain.Code, named.Code, plain.Body)
		}
		body := plain.Body.String()
		if strings.Contains(body, "](") || strings.Contains(body, "```") || strings.Contains(body, "<!-- raw") {
			t.Errorf("%s is not rendered whole:\n%s", alert, body)
		}
	}
	for url, want := range map[string]struct {
		code     int
		contains string
	}{
		"/m365/runbooks/M365ConnectorDown":     {200, `<a href="../reference#reasons">reasons.md</a>`},
		"/m365/runbooks/M365ConnectorDown?q=1": {400, "q"},
		"/m365/runbooks/Unknown":               {404, "no such runbook"},
		"/m365/runbooks/..%2fREADME":           {404, "no such runbook"},
		"/m365/runbooks/%00":                   {404, "no such runbook"},
		"/m365/reference":                      {200, `<a href="runbooks/M365ConnectorDown">`},
		// Narrow screens stack the cells, each with the name of its column.
		"/m365/runbooks/M365ConnectorDown.md": {200, `<td data-column="Exchange Online error">450 4.4.312</td>`},
	} {
		if w := get(h, url); w.Code != want.code || !strings.Contains(w.Body.String(), want.contains) {
			t.Errorf("%s = %d %.300s", url, w.Code, w.Body)
		}
	}
}
