package deploy_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// lintDashboard has the fields that the rules of https://github.com/grafana/dashboard-linter read.
type lintDashboard struct {
	Panels []struct {
		Type, Title string
		Targets     []struct{ Expr string }
		FieldConfig struct {
			Defaults struct {
				Links []struct{ Title, URL string }
			}
		}
		Transformations []struct {
			Options struct {
				IncludeByName map[string]bool `json:"includeByName"`
			}
		}
	}
	Templating struct{ List []lintVariable }
}

type lintVariable struct {
	Name, Label, Type, AllValue string
	Multi, IncludeAll           bool
	Refresh                     int
	Datasource                  struct{ UID string }
}

var (
	counters = regexp.MustCompile(`\b\w+_(?:total|count|sum|bucket)\{`)
	rated    = regexp.MustCompile(`(?:rate|irate|increase)\((\w+_(?:total|count|sum|bucket)\{)[^}]*\}\[([^\]]+)\]`)
)

// The rules of grafana/dashboard-linter that dashboards_test.go does not check: template-datasource, template-job,
// template-instance, template-on-time-change-reload, target-rate-interval and target-counter-agg.
func TestDashboardLinterRules(t *testing.T) {
	for _, path := range glob(t, "grafana/dashboards/*.json") {
		var d lintDashboard
		if err := json.Unmarshal([]byte(read(t, path)), &d); err != nil {
			t.Fatal(err)
		}
		for i, v := range d.Templating.List {
			switch v.Type {
			case "datasource":
				if i != 0 || v.Name != "datasource" || v.Label != "Data source" {
					t.Errorf("%s: variable %d is %q, label %q", path, i, v.Name, v.Label)
				}
			case "query":
				if v.Label != strings.ToUpper(v.Name[:1])+v.Name[1:] || v.AllValue != ".+" || !v.Multi || !v.IncludeAll ||
					v.Refresh != 2 || v.Datasource.UID != "${datasource}" {
					t.Errorf("%s: variable %+v: want a label, all values .+, multi, reload on a change of time", path, v)
				}
			}
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				good := rated.FindAllStringSubmatch(q.Expr, -1)
				for _, m := range good {
					if m[2] != "$__rate_interval" {
						t.Errorf("%s: %s: a rate over %s", path, p.Title, m[2])
					}
				}
				if n := len(counters.FindAllString(q.Expr, -1)); n != len(good) {
					t.Errorf("%s: %s: %d of %d counters are not in rate or increase", path, p.Title, n-len(good), n)
				}
			}
		}
	}
}

// A table with a tenant leads to the exporter's page of the tenant or of the connector, and a link uses only columns
// that the table shows.
func TestDashboardLinks(t *testing.T) {
	column, linked := regexp.MustCompile(`\$\{__data\.fields\.(\w+):percentencode\}`), 0
	for _, path := range glob(t, "grafana/dashboards/*.json") {
		var d lintDashboard
		if err := json.Unmarshal([]byte(read(t, path)), &d); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(d.Templating.List, func(v lintVariable) bool {
			return v.Name == "exporter" && v.Type == "textbox"
		}) {
			t.Errorf("%s: no variable exporter for the links", path)
		}
		for _, p := range d.Panels {
			links := p.FieldConfig.Defaults.Links
			linked += len(links)
			for _, l := range links {
				if !strings.HasPrefix(l.URL, "${exporter}/") {
					t.Errorf("%s: %s: the link %s does not lead to the exporter", path, p.Title, l.URL)
				}
			}
			if p.Type != "table" || len(p.Transformations) == 0 || p.Transformations[0].Options.IncludeByName == nil {
				continue
			}
			shown := p.Transformations[0].Options.IncludeByName
			if shown["tenant"] && len(links) == 0 {
				t.Errorf("%s: %s: no link to the tenant", path, p.Title)
			}
			for _, l := range links {
				for _, m := range column.FindAllStringSubmatch(l.URL, -1) {
					if !shown[m[1]] {
						t.Errorf("%s: %s: the link %s uses a column that the table does not show", path, p.Title, l.URL)
					}
				}
			}
		}
	}
	if linked < 15 {
		t.Errorf("%d links", linked)
	}
}

// A panel about round trips or TLS reports leads to their page, where the evidence is.
func TestRoundTripPanelsLinkToTheirPage(t *testing.T) {
	panels := 0
	for _, path := range glob(t, "grafana/dashboards/*.json") {
		var d lintDashboard
		if err := json.Unmarshal([]byte(read(t, path)), &d); err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if !regexp.MustCompile(`round_trip(_success|_outcome|_seconds)|tls_report`).MatchString(q.Expr) {
					continue
				}
				panels++
				if len(p.FieldConfig.Defaults.Links) == 0 ||
					!strings.HasPrefix(p.FieldConfig.Defaults.Links[0].URL, "${exporter}/round-trips?") {
					t.Errorf("%s: %s: no link to /round-trips", path, p.Title)
				}
			}
		}
	}
	if panels < 4 {
		t.Errorf("%d queries about round trips and TLS reports, want 4 at least", panels)
	}
}
