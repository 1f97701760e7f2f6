package deploy_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// durations matches what makes an alert wait and a group pause.
var durations = regexp.MustCompile(`(?m)^( +(?:for|interval): )\d+[mhd]$`)

// undemonstrated matches the query for sessions that TLS reports count: the demo's report arrives once, before
// Prometheus starts, so that nothing increases.
var undemonstrated = regexp.MustCompile(`m365_connector_tls_report_sessions_total`)

// Every query of every panel and variable has data in a Prometheus that scrapes the demo, by /metrics and by /probe,
// with all rules. Rules do not wait, so that there are alerts.
func TestPanelsHaveData(t *testing.T) {
	t.Parallel()
	prometheus, dir := need(t, "prometheus"), t.TempDir()
	address := start(t, program(t), "demo", "--web.listen-address=127.0.0.1:0")
	if err := os.Mkdir(filepath.Join(dir, "rules"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range glob(t, "prometheus/rules/*.yml") {
		text := durations.ReplaceAllString(read(t, path), "${1}1s")
		if err := os.WriteFile(filepath.Join(dir, "rules", filepath.Base(path)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf(`global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules/*.yml]
scrape_configs:
  - { job_name: m, static_configs: [{ targets: [%[1]q] }] }
  - job_name: probe
    metrics_path: /probe
    scrape_interval: 5s
    http_sd_configs: [{ url: "http://%[1]s/sd" }]
    relabel_configs:
      - { source_labels: [__address__], target_label: __param_target }
      - { source_labels: [__address__], target_label: instance }
      - { target_label: shard, replacement: "0" }
      - { target_label: __address__, replacement: %[1]q }
`, address)
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	api := "http://" + start(t, prometheus, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0")
	await(t, api, "up == 1")
	missing := panelQueries(t)
	for end := time.Now().Add(2 * time.Minute); len(missing) > 0 && time.Now().Before(end); time.Sleep(time.Second) {
		for query := range missing {
			var answer struct{ Data struct{ Result []any } }
			getJSON(t, api+"/api/v1/query?query="+url.QueryEscape(query), &answer)
			if len(answer.Data.Result) > 0 {
				delete(missing, query)
			}
		}
	}
	for query, where := range missing {
		t.Errorf("%s: no data: %s", where, query)
	}
}

// panelQueries returns the queries of all dashboards with every variable set to all values, and where each is.
func panelQueries(t *testing.T) map[string]string {
	t.Helper()
	value := regexp.MustCompile(`"\$\w+"`)
	choice := regexp.MustCompile(`^label_values\((.+), \w+\)$`)
	queries := map[string]string{}
	add := func(where, query string) {
		query = strings.ReplaceAll(query, "$__rate_interval", "1m")
		queries[value.ReplaceAllString(choice.ReplaceAllString(query, "$1"), `".+"`)] = where
	}
	for path, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if !undemonstrated.MatchString(q.Expr) {
					add(path+": "+p.Title, q.Expr)
				}
			}
		}
		for _, v := range d.Templating.List {
			if v.Definition != "" {
				add(path+": $"+v.Name, v.Definition)
			}
		}
	}
	if len(queries) < 80 {
		t.Errorf("%d queries", len(queries))
	}
	return queries
}
