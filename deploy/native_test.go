package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The rule and the panels about histograms have results in a Prometheus that stores native histograms, which then has
// no classic buckets, and in one that does not.
func TestNativeHistograms(t *testing.T) {
	t.Parallel()
	prometheus, dir := need(t, "prometheus"), t.TempDir()
	address := start(t, program(t), "demo", "--web.listen-address=127.0.0.1:0")
	file := filepath.Join(dir, "prometheus.yml")
	config := fmt.Sprintf("global: { scrape_interval: 1s }\n"+
		"scrape_configs: [{ job_name: m, static_configs: [{ targets: [%q] }] }]\n", address)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, r := range rules(t) {
		if r.Alert == "M365ConnectorScheduleLagging" {
			queries = append(queries, strings.ReplaceAll(r.Expr, "> 60", ">= 0"))
		}
	}
	variables := strings.NewReplacer(
		"$__rate_interval", "1m", `"$job"`, `".+"`, `"$instance"`, `".+"`, `"$tenant"`, `".+"`)
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if strings.Contains(q.Expr, "histogram_quantile") {
					queries = append(queries, variables.Replace(q.Expr))
				}
			}
		}
	}
	if len(queries) < 5 {
		t.Fatalf("%d queries", len(queries))
	}
	for name, more := range map[string][]string{"classic": nil, "native": {"--enable-feature=native-histograms"}} {
		api := "http://" + start(t, prometheus, append(more, "--config.file="+file,
			"--storage.tsdb.path="+filepath.Join(dir, name), "--web.listen-address=127.0.0.1:0")...)
		for _, q := range queries {
			await(t, api, q)
		}
		const buckets = `count(m365_connector_exporter_schedule_lag_seconds_bucket) or vector(0)`
		if name == "native" {
			await(t, api, "("+buckets+") == 0")
		} else {
			await(t, api, "("+buckets+") > 0")
		}
	}
}
