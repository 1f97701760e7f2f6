package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
)

func TestPromtool(t *testing.T) {
	run(t, "promtool", append([]string{"check", "rules"}, glob(t, "prometheus/rules/*.yml")...)...)
	run(t, "promtool", append([]string{"test", "rules"}, glob(t, "prometheus/tests/*_test.yml")...)...)
	run(t, "promtool", "check", "config", "prometheus/prometheus.yml")
}

var alertName = regexp.MustCompile(`^M365Connector([A-Z][a-z]+)+$`)

func TestAlertsAreComplete(t *testing.T) {
	names, stories := known(t), ""
	for _, path := range glob(t, "prometheus/tests/*_test.yml") {
		stories += read(t, path)
	}
	for _, r := range rules(t) {
		for _, name := range metrics(names, r.Expr) {
			if steady, is := names[name]; !is || !steady {
				t.Errorf("%s%s: %s is not a steady metric of the exporter", r.Alert, r.Record, name)
			}
		}
		if r.Alert == "" {
			continue
		}
		if !alertName.MatchString(r.Alert) {
			t.Errorf("%s: not CamelCase with the prefix", r.Alert)
		}
		if s := r.Labels["severity"]; s != "critical" && s != "warning" && s != "info" && s != "{{ $labels.severity }}" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if c := r.Labels["category"]; c != "mailflow" && c != "certificate" && c != "configuration" && c != "exporter" {
			t.Errorf("%s: category %q", r.Alert, c)
		}
		if r.Annotations["summary"] == "" || !strings.Contains(r.Annotations["description"], "First: ") {
			t.Errorf("%s: no summary, or no first step in the description", r.Alert)
		}
		if r.Annotations["runbook_url"] != "docs/runbooks/"+r.Alert+".md" {
			t.Errorf("%s: runbook_url %q", r.Alert, r.Annotations["runbook_url"])
		}
		if r.For == "" {
			t.Errorf("%s: no for: a single bad evaluation fires it", r.Alert)
		}
		if !strings.Contains(stories, "alertname: "+r.Alert+"\n") {
			t.Errorf("%s: no rule test expects it", r.Alert)
		}
	}
}

// sections are the headings of every runbook.
var sections = []string{"What it means", "Diagnosis", "Causes and remedies", "Who else is affected", "Silencing"}

func TestRunbooks(t *testing.T) {
	wanted := map[string]bool{}
	for _, r := range rules(t) {
		if r.Alert != "" {
			wanted[r.Alert] = true
		}
	}
	for name := range wanted {
		if _, err := os.Stat("../docs/runbooks/" + name + ".md"); err != nil {
			t.Errorf("%s: no runbook", name)
		}
	}
	var queries []string
	for _, path := range glob(t, "../docs/runbooks/*.md") {
		name := strings.TrimSuffix(filepath.Base(path), ".md")
		if !wanted[name] {
			t.Errorf("%s: no such alert", path)
		}
		text := read(t, path)
		if !strings.HasPrefix(text, "# "+name+"\n\n**First:** ") {
			t.Errorf("%s does not begin with the first action", path)
		}
		for _, heading := range sections {
			if !strings.Contains(text, "\n## "+heading+"\n") {
				t.Errorf("%s: no section %q", path, heading)
			}
		}
		if n := strings.Count(text, "\n"); n > 60 {
			t.Errorf("%s has %d lines, want at most 60", path, n)
		}
		queries = append(queries, promQL(text)...)
		for _, command := range command.FindAllString(text, -1) {
			if !strings.Contains(command, " --config.file=/etc/m365_connector_exporter/config.yaml") {
				t.Errorf("%s: %s does not name the configuration of the packaged service", path, command)
			}
		}
	}
	parse(t, queries)
}

// command is a command line of this program in a runbook, ready to be copied.
var command = regexp.MustCompile("`m365_connector_exporter [^`]*`")

var fence = regexp.MustCompile("(?s)```promql\n(.*?)```")

// promQL returns the queries of a document, one per line of its promql blocks.
func promQL(text string) []string {
	var queries []string
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		queries = append(queries, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	return queries
}

// parse fails the test for a query that promtool rejects or that uses an unknown metric.
func parse(t *testing.T, queries []string) {
	t.Helper()
	names := known(t)
	var b strings.Builder
	b.WriteString("groups:\n- name: queries\n  rules:\n")
	for _, q := range queries {
		for _, name := range metrics(names, q) {
			if _, is := names[name]; !is {
				t.Errorf("%s: there is no metric %s", q, name)
			}
		}
		b.WriteString("  - record: x\n    expr: " + quoteYAML(q) + "\n    labels: {q: " + quoteYAML(q) + "}\n")
	}
	file := filepath.Join(t.TempDir(), "queries.yml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "promtool", "check", "rules", "--lint=none", file)
}

func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

var checkMatcher = regexp.MustCompile(`check(=~?|!~)"([^"]+)"`)

// Every critical finding has exactly one alert.
func TestCriticalFindingsAreCovered(t *testing.T) {
	own, excluded := map[string]string{}, map[string]bool{}
	for _, r := range rules(t) {
		if r.Alert == "" || !strings.Contains(r.Expr, "finding_info:kept") {
			continue
		}
		for _, m := range checkMatcher.FindAllStringSubmatch(r.Expr, -1) {
			for code := range strings.SplitSeq(m[2], "|") {
				if m[1] == "!~" {
					excluded[code] = true
				} else if before := own[code]; before != "" {
					t.Errorf("%s has two alerts: %s and %s", code, before, r.Alert)
				} else {
					own[code] = r.Alert
				}
			}
		}
	}
	// Alerts on series cover these: failing paths, expiring certificates, wrong attribution, tenants that do not load.
	bySeries := "starttls_not_offered starttls_injection certificate_expired certificate_expires_soon " +
		"attribution_wrong_tenant attribution_ambiguous attribution_relay_denied tenant_not_loaded"
	for code := range strings.FieldsSeq(bySeries) {
		own[code] = "series"
	}
	for code := range own {
		if !excluded[code] {
			t.Errorf("%s has an alert of its own and would also be M365ConnectorCriticalFinding", code)
		}
	}
	for code := range excluded {
		if own[code] == "" {
			t.Errorf("%s is left out of M365ConnectorCriticalFinding and has no alert of its own", code)
		}
		if _, is := check.Lookup(code); !is && len(check.Catalogue()) > 40 {
			t.Errorf("%s: no such check", code)
		}
	}
}
