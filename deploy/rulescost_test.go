package deploy_test

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	costPaths   = flag.Int("rules.paths", 200, "paths in TestRulesCost; from 2,000 on it measures the CPU time")
	costFailing = flag.Int("rules.failing", 1, "percentage of paths in TestRulesCost that fail; more than 1 is not judged")
)

// What one evaluation of all rules may cost: samples that its queries read, per path, and CPU time for 10,000 paths.
const (
	maxSamplesPerPath = 50
	maxCPU            = 2.0 // seconds
	measured          = 2000
)

// TestRulesCost runs a real Prometheus with all rules on the metrics of an exporter with many paths, two endpoints
// each, one in a hundred failing. What the queries read does not depend on the machine and is always checked. The CPU
// time is checked for 10,000 paths: make rulescost.
func TestRulesCost(t *testing.T) {
	t.Parallel()
	prometheus, paths := need(t, "prometheus"), *costPaths
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		buffered := bufio.NewWriter(w)
		writeFakeMetrics(buffered, paths, *costFailing, time.Now())
		_ = buffered.Flush() // Prometheus may have disconnected
	}))
	defer exporter.Close()
	dir := t.TempDir()
	copyRules(t, filepath.Join(dir, "rules"), paths < measured)
	serve := func(name, intervals string) (api string) {
		config := fmt.Sprintf("global: { %s }\nrule_files: [%s/*.yml]\n"+
			"scrape_configs: [{ job_name: m, static_configs: [{ targets: [%q] }] }]\n",
			intervals, name, exporter.Listener.Addr())
		file := filepath.Join(dir, name+".yml")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		return "http://" + start(t, prometheus, "--config.file="+file,
			"--storage.tsdb.path="+filepath.Join(dir, name+"-data"),
			"--web.listen-address=127.0.0.1:0")
	}
	intervals := "scrape_interval: 1s, evaluation_interval: 1s"
	if paths >= measured {
		intervals = "scrape_interval: 1m, scrape_timeout: 1m, evaluation_interval: 30s"
	}
	api := serve("rules", intervals)
	awaitEvaluated(t, api, paths)
	judged := *costFailing <= 1
	if samples := samplesRead(t, api) / paths; judged && (samples > maxSamplesPerPath || samples < 10) {
		t.Errorf("one evaluation reads %d samples per path, want 10 to %d", samples, maxSamplesPerPath)
	} else {
		t.Logf("one evaluation reads %d samples per path", samples)
	}
	if paths < measured {
		return
	}
	without := serve("none", intervals) // for the CPU time of one scrape
	await(t, without, fmt.Sprintf("count(m365_connector_probe_success) == %d", paths))
	with0, without0 := cpu(t, api), cpu(t, without)
	time.Sleep(2 * time.Minute) // four evaluations, one of them with the certificates, and two scrapes
	logSlowestRules(t, api)
	used := (cpu(t, api) - with0 - (cpu(t, without) - without0)) / 4
	t.Logf("one evaluation for %d paths takes %.2f s of CPU", paths, used)
	if most := maxCPU * float64(paths) / 10_000; judged && used > most {
		t.Errorf("want at most %.2f s", most)
	}
}

// copyRules copies the rule files. Of quick ones every group is evaluated every second.
func copyRules(t *testing.T, folder string, quick bool) {
	t.Helper()
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range glob(t, "prometheus/rules/*.yml") {
		text := read(t, path)
		if quick {
			text = strings.NewReplacer("interval: 1m", "interval: 1s", "interval: 2m", "interval: 1s").Replace(text)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(path)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// writeFakeMetrics writes the metrics that the rules use: five connectors per tenant, two paths per connector.
func writeFakeMetrics(w io.Writer, paths, failing int, now time.Time) {
	line := func(name, labels string, value int64) {
		_, _ = fmt.Fprintf(w, "m365_connector_%s{%s} %d\n", name, labels, value)
	}
	for _, name := range []string{
		"build_info", "first_round_complete", "self_test_success", "config_last_reload_successful",
	} {
		line("exporter_"+name, "", 1)
	}
	line("exporter_throttled_total", "", 0)
	for n := range paths {
		connector := fmt.Sprintf(`tenant="tenant%d",connector="To on-premises %d",direction="outbound"`, n/10, n/2)
		path := fmt.Sprintf(`%s,path="mail%d.contoso.com"`, connector, n)
		if n%10 == 0 {
			line("exporter_tenant_load_successful", fmt.Sprintf(`tenant="tenant%d"`, n/10), 1)
		}
		if n%2 == 0 {
			line("info", connector+`,connector_type="OnPremises",connector_source="Default",tls_settings="DomainValidation"`, 1)
		}
		works := int64(1)
		if n%100 < failing {
			works = 0
			line("finding_info", path+`,check="certificate_expired",severity="critical"`, 1)
		}
		line("probe_success", path, works)
		line("probe_inconclusive", path, 0)
		line("probe_interval_seconds", path, 300)
		line("probe_last_run_timestamp_seconds", path, now.Unix()-int64(n%300))
		line("probe_last_success_timestamp_seconds", path, now.Unix()-int64(n%300))
		line("attribution_success", path, 1)
		for address := range 2 {
			endpoint := fmt.Sprintf(`%s,host="mail%d.contoso.com",address="192.0.%d.%d"`, path, n, n/100%256, 2*(n%100)+address)
			line("endpoint_success", endpoint, works)
			for position, days := range map[string]int{"leaf": 30 + n%60, "chain": 900} {
				labels := fmt.Sprintf(`%s,role="server",position=%q`, endpoint, position)
				line("certificate_not_before_timestamp_seconds", labels, now.AddDate(0, 0, -30).Unix())
				line("certificate_not_after_timestamp_seconds", labels, now.AddDate(0, 0, days).Unix())
			}
		}
	}
}

// awaitEvaluated returns when every rule has been evaluated: the slow groups once, the others
// three times.
func awaitEvaluated(t *testing.T, api string, paths int) {
	t.Helper()
	await(t, api, fmt.Sprintf("sum(instance:m365_connector_paths:count) == %d", paths))
	await(t, api, "count_over_time(instance:m365_connector_exporter_last_answer:timestamp_seconds[10m]) >= 3")
}

// await returns when Prometheus is ready and a query has a result.
func await(t *testing.T, api, query string) {
	t.Helper()
	for end := time.Now().Add(8 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		ready, err := http.Get(api + "/-/ready")
		if err != nil {
			t.Fatal(err)
		}
		_ = ready.Body.Close()
		if ready.StatusCode != http.StatusOK {
			continue
		}
		var answer struct{ Data struct{ Result []any } }
		getJSON(t, api+"/api/v1/query?query="+url.QueryEscape(query), &answer)
		if len(answer.Data.Result) > 0 {
			return
		}
	}
	t.Fatalf("no result: %s", query)
}

// samplesRead returns the number of samples that the queries of all rules read.
func samplesRead(t *testing.T, api string) (total int) {
	t.Helper()
	for _, r := range rules(t) {
		var answer struct {
			Error string
			Data  struct {
				Stats struct {
					Samples struct{ TotalQueryableSamples int }
				}
			}
		}
		getJSON(t, api+"/api/v1/query?stats=all&query="+url.QueryEscape(r.Expr), &answer)
		if answer.Error != "" {
			t.Errorf("%s%s: %s", r.Alert, r.Record, answer.Error)
		}
		total += answer.Data.Stats.Samples.TotalQueryableSamples
	}
	return total
}

// logSlowestRules logs how long the last evaluation of each group and of the ten slowest rules took.
func logSlowestRules(t *testing.T, api string) {
	t.Helper()
	type timed struct {
		Name           string
		Query          string
		EvaluationTime float64
		Rules          []timed
	}
	var answer struct{ Data struct{ Groups []timed } }
	getJSON(t, api+"/api/v1/rules", &answer)
	var all []timed
	for _, group := range answer.Data.Groups {
		t.Logf("%6.3f s  group %s", group.EvaluationTime, group.Name)
		all = append(all, group.Rules...)
	}
	slices.SortFunc(all, func(a, b timed) int { return cmp.Compare(b.EvaluationTime, a.EvaluationTime) })
	for _, rule := range all[:min(10, len(all))] {
		t.Logf("%6.3f s  %s", rule.EvaluationTime, rule.Name)
	}
}

// cpu returns the CPU seconds that Prometheus has used.
func cpu(t *testing.T, api string) float64 {
	t.Helper()
	resp, err := http.Get(api + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), "process_cpu_seconds_total "); found {
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return seconds
		}
	}
	t.Fatal("Prometheus exposes no process_cpu_seconds_total")
	return 0
}
