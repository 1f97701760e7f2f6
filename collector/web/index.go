// Package web is what people see in a browser.
package web

import (
	"bytes"
	"html/template"
	"net/http"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

var page = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="15"><title>m365_connector_exporter</title>
<style>
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .35rem .6rem; vertical-align: top; border-bottom: 1px solid #8884 }
.failed { font-weight: 600 } small { opacity: .8 }
</style></head><body>
<h1>Mail paths</h1>
<p>{{len .Rows}} paths. <a href="{{.Prefix}}/metrics">Metrics</a></p>
<table><thead><tr><th>State</th><th>Path</th><th>Why, since when, what to do</th></tr></thead><tbody>
{{range .Rows}}<tr><td class="{{.State}}">{{.Mark}} {{.State}}</td><td>{{.Tenant}} › {{.Connector}}<br><small>{{.Path}}</small></td>
<td>{{if .Why}}{{.Stage}}: {{.Why}} {{with .Since}}<small>since {{.}}</small>{{end}}{{with .Detail}}<br><small>{{.}}</small>{{end}}{{with .Remedy}}<br><small>Remedy: {{.}}</small>{{end}}{{end}}</td></tr>
{{end}}</tbody></table></body></html>
`))

type row struct{ State, Mark, Tenant, Connector, Path, Stage, Why, Since, Detail, Remedy string }

// Index serves the list of all paths. Everything of a peer is escaped by the template.
func Index(view func() *collector.View, prefix string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		data := struct {
			Prefix string
			Rows   []row
		}{Prefix: prefix}
		for _, p := range view().Paths {
			data.Rows = append(data.Rows, rowOf(p))
		}
		var b bytes.Buffer
		if err := page.Execute(&b, data); err != nil {
			http.Error(w, "the page could not be made", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = b.WriteTo(w)
	})
}

func rowOf(p *collector.PathState) row {
	r := row{Tenant: p.Path.ID.Tenant, Connector: p.Path.ID.Connector, Path: p.Path.ID.Path}
	switch {
	case p.Path.NotProbeable != "":
		r.State, r.Mark, r.Stage, r.Why = "not probeable", "–", "plan", p.Path.NotProbeable
	case p.Path.NotProbed != "":
		r.State, r.Mark, r.Stage, r.Why = "not probed", "–", "plan", p.Path.NotProbed
	case p.Verdict == probes.Passed:
		r.State, r.Mark = "passed", "✓"
	case p.Verdict == probes.Failed:
		r.State, r.Mark, r.Since = "failed", "✗", p.Since.UTC().Format(time.RFC3339)
		info, _ := p.Reason.Info()
		r.Stage, r.Why, r.Remedy = p.Stage.String(), info.Sentence, info.Remedy
	case p.Newest != nil && p.Newest.Outcome() == probes.Inconclusive:
		r.State, r.Mark = "inconclusive", "?"
		r.problem(p.Newest)
	default:
		r.State, r.Mark = "waiting", "…"
	}
	return r
}

// problem words the newest round's first problem.
func (r *row) problem(result *probes.Result) {
	for _, e := range result.Endpoints {
		if stage, step, ok := e.FirstProblem(); ok {
			info, _ := step.Reason.Info()
			r.Stage, r.Why, r.Remedy, r.Detail = stage.String(), info.Sentence, info.Remedy, step.Detail
			return
		}
	}
}
