package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
)

func TestPromtool(t *testing.T) {
	t.Parallel()
	run(t, "promtool", append([]string{"check", "rules"}, glob(t, "prometheus/rules/*.yml")...)...)
	run(t, "promtool", "check", "config", "prometheus/prometheus.yml")
	for _, file := range glob(t, "prometheus/tests/*_test.yml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			run(t, "promtool", "test", "rules", file)
		})
	}
}

// commandWithoutFile returns a command of the exporter that would read config.yaml of the current folder; "" for none.
func commandWithoutFile(text string) string {
	commands := regexp.MustCompile(`"(?:m365_connector_exporter|fetch|validate)\b[^"]*`)
	for _, command := range commands.FindAllString(text, -1) {
		if !strings.Contains(command, "--config.file=/etc/m365_connector_exporter/config.yaml") {
			return command
		}
	}
	return ""
}

// pathPage is the page of the alert's path.
const pathPage = `/path?target={{ urlquery ($labels.tenant | reReplaceAll "%" "%25" | reReplaceAll "/" "%2F") }}/` +
	`{{ $labels.direction }}/` +
	`{{ urlquery ($labels.connector | reReplaceAll "%" "%25" | reReplaceAll "/" "%2F") }}/` +
	`{{ urlquery ($labels.path | reReplaceAll "%" "%25" | reReplaceAll "/" "%2F") }}`

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
		if bare := commandWithoutFile(r.Annotations["description"]); bare != "" {
			t.Errorf("%s: %q does not name the configuration file", r.Alert, bare)
		}
		if r.Annotations["runbook_url"] != "docs/runbooks/"+r.Alert+".md" {
			t.Errorf("%s: runbook_url %q", r.Alert, r.Annotations["runbook_url"])
		}
		link := r.Annotations["exporter_url"]
		unlinked := r.Labels["category"] == "exporter" && // no exporter answers, or no single one is meant
			(r.Alert == "M365ConnectorExporterDown" || strings.HasPrefix(r.Alert, "M365ConnectorShard"))
		if !unlinked && !strings.HasPrefix(link, "http://{{ $labels.instance }}/") {
			t.Errorf("%s: exporter_url %q", r.Alert, link)
		}
		ofConnector := strings.Contains(r.Annotations["summary"], "$labels.connector")
		if ofConnector && !strings.Contains(link, "urlquery $labels.connector") && !strings.Contains(link, pathPage) {
			t.Errorf("%s: exporter_url %q is not the page of the connector", r.Alert, link)
		}
		if strings.Contains(r.Annotations["description"], "path's page") && !strings.Contains(link, pathPage) {
			t.Errorf("%s: exporter_url %q is not the page of the path, which the text names", r.Alert, link)
		}
		if r.For == "" {
			t.Errorf("%s: no for: a single bad evaluation fires it", r.Alert)
		}
		if !strings.Contains(stories, "alertname: "+r.Alert+"\n") {
			t.Errorf("%s: no rule test expects it", r.Alert)
		}
	}
}

var (
	identity = regexp.MustCompile(`\b(?:by|on) \(([a-z_, ]+)\)`)
	every    = regexp.MustCompile(`\b(?:address|host|path)!?=~?""`)
	lookBack = regexp.MustCompile(`(m365_[a-z0-9_]+|[a-z]+:m365_[a-z0-9_:]+|up)(?:\{[^}]*\})?\[(\d+)([mhd])\]`)
)

// Every rule keeps the labels cluster and job, for rulers of several clusters, and no rule looks back further than half
// an hour over series of tenants, connectors or paths: the time of an evaluation would depend on the past. Series of
// which each exporter has one, and the changes of verdicts, which are few, may be read over days.
func TestRulesScale(t *testing.T) {
	few := map[string]bool{
		"up": true, "m365_connector_exporter_build_info": true, "m365_connector_exporter_throttled_total": true,
		"instance:m365_connector_paths:count": true, "instance:m365_connector_paths_unproven:ratio": true,
		"instance:m365_connector_probe_unproven:places": true, "path:m365_connector_probe_success:changed": true,
	}
	minutes := map[string]int{"m": 1, "h": 60, "d": 1440}
	for _, r := range rules(t) {
		if every.MatchString(r.Expr) {
			t.Errorf("%s%s: a matcher reads the index of every address", r.Alert, r.Record)
		}
		joins := strings.ReplaceAll(r.Expr, "on (address) vector(1)", "") // whether there is an address: see recording.yml
		for _, labels := range identity.FindAllStringSubmatch(joins, -1) {
			if !strings.HasPrefix(labels[1], "cluster, job") {
				t.Errorf("%s%s: by or on (%s) without cluster and job", r.Alert, r.Record, labels[1])
			}
		}
		for _, m := range lookBack.FindAllStringSubmatch(r.Expr, -1) {
			if n, err := strconv.Atoi(m[2]); err != nil || n*minutes[m[3]] > 30 && !few[m[1]] {
				t.Errorf("%s%s looks back %s%s over %s", r.Alert, r.Record, m[2], m[3], m[1])
			}
		}
	}
}

// M365ConnectorCriticalFinding has the title of every check whose findings can be critical and have no alert of their
// own.
func TestCriticalFindingsAreExplained(t *testing.T) {
	text, excluded := "", ""
	for _, r := range rules(t) {
		if r.Alert == "M365ConnectorCriticalFinding" {
			text, excluded = r.Annotations["description"], r.Expr
		}
	}
	for _, c := range check.Catalogue() {
		own := regexp.MustCompile(`[|"]` + c.Code + `[|"]`).MatchString(excluded)
		title := `eq $labels.check "` + c.Code + `" }}` + c.Title + "{{"
		if c.Severity == check.Critical && !own && !strings.Contains(text, title) {
			t.Errorf("M365ConnectorCriticalFinding in rules/attribution.yml: add {{ else if %s to its description", title)
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
