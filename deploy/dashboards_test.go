package deploy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"m365_connector_exporter/deploy/grafana"
)

var update = flag.Bool("update", false, "regenerate the dashboards")

// panel has the fields of a Grafana panel that the tests check.
type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ UID string }
	Targets                  []struct {
		Expr       string
		Datasource struct{ UID string }
	}
	FieldConfig struct {
		Defaults struct{ Unit string }
	}
	GridPos struct{ X, Y, W, H int }
}

type dashboard struct {
	UID, Title, Description string
	Editable                bool
	Panels                  []panel
	Templating              struct {
		List []struct{ Name, Type, Definition string }
	}
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	all := map[string]dashboard{}
	for _, path := range glob(t, "grafana/dashboards/*.json") {
		var d dashboard
		if err := json.Unmarshal([]byte(read(t, path)), &d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[path] = d
	}
	return all
}

func TestDashboardsAreInStep(t *testing.T) {
	for _, d := range grafana.Dashboards() {
		path := "grafana/dashboards/" + d.UID + ".json"
		want, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from its source (%v): run go test ./deploy -run TestDashboards -update", path, err)
		}
	}
	if have, want := len(dashboards(t)), len(grafana.Dashboards()); have != want {
		t.Errorf("%d files for %d dashboards", have, want)
	}
}

func TestDashboardConventions(t *testing.T) {
	uids := map[string]bool{}
	for path, d := range dashboards(t) {
		if uids[d.UID] || d.UID == "" || d.Title == "" || d.Description == "" || d.Editable {
			t.Errorf("%s: want a unique uid, a title, a description, and editable false", path)
		}
		uids[d.UID] = true
		var names []string
		for _, v := range d.Templating.List {
			names = append(names, v.Name)
		}
		if !strings.HasPrefix(strings.Join(names, " "), "datasource job instance") {
			t.Errorf("%s: variables %v", path, names)
		}
		titles := map[string]bool{}
		for i, p := range d.Panels {
			if p.GridPos.X+p.GridPos.W > 24 || overlaps(p, d.Panels[:i]) {
				t.Errorf("%s: panel %q overlaps another one or exceeds 24 columns", path, p.Title)
			}
			if p.Type == "row" {
				continue
			}
			if p.Title == "" || titles[p.Title] || p.Description == "" || p.FieldConfig.Defaults.Unit == "" ||
				len(p.Targets) == 0 {
				t.Errorf("%s: panel %q: want a unique title, a description, a unit and a query", path, p.Title)
			}
			titles[p.Title] = true
			for _, q := range p.Targets {
				if p.Datasource.UID != "${datasource}" || q.Datasource.UID != "${datasource}" {
					t.Errorf("%s: panel %q does not use the variable datasource", path, p.Title)
				}
				if fixedRange.MatchString(q.Expr) {
					t.Errorf("%s: panel %q: a rate over a range that is not $__rate_interval", path, p.Title)
				}
				if !strings.Contains(q.Expr, `{job=~"$job", instance=~"$instance"`) {
					t.Errorf("%s: panel %q does not select job and instance: %s", path, p.Title, q.Expr)
				}
			}
		}
	}
}

var fixedRange = regexp.MustCompile(`rate\([^()]*\[\d|increase\([^()]*\[\d`)

func overlaps(p panel, others []panel) bool {
	for _, o := range others {
		a, b := p.GridPos, o.GridPos
		if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
			return true
		}
	}
	return false
}

// promtool parses every expression, and every metric in it exists.
func TestDashboardQueries(t *testing.T) {
	var queries []string
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				queries = append(queries, strings.ReplaceAll(q.Expr, "$__rate_interval", "5m"))
			}
		}
	}
	parse(t, queries)
}

func TestGrafanaProvisioning(t *testing.T) {
	for path, want := range map[string]string{
		"grafana/provisioning/datasources/prometheus.yml": "type: prometheus",
		"grafana/provisioning/dashboards/m365.yml":        "/etc/grafana/dashboards",
	} {
		if !strings.Contains(read(t, path), want) {
			t.Errorf("%s: no %q", path, want)
		}
	}
}
