package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// The chart contains the dashboards of deploy/grafana byte by byte, with the label for Grafana's sidecar.
func TestChartDashboards(t *testing.T) {
	rendered, err := helm(t, "dashboards.enabled=true", "dashboards.annotations.folder=Mail")
	if err != nil {
		t.Fatal(err)
	}
	type configMap struct {
		Metadata struct{ Labels, Annotations map[string]string }
		Data     map[string]string
	}
	carried := map[string]string{}
	for name, c := range objects[configMap](t, rendered, "ConfigMap") {
		if _, own := c.Data["config.yaml"]; own {
			continue
		}
		if c.Metadata.Labels["grafana_dashboard"] != "1" || c.Metadata.Annotations["folder"] != "Mail" {
			t.Errorf("%s: a sidecar does not find it: %+v", name, c.Metadata)
		}
		size := 0
		for file, text := range c.Data {
			if _, twice := carried[file]; twice {
				t.Errorf("%s stands in two ConfigMaps", file)
			}
			carried[file] = text
			size += len(text)
		}
		if size > 1<<20 {
			t.Errorf("%s has %d bytes, more than a ConfigMap may have", name, size)
		}
	}
	files := map[string]string{}
	for _, path := range glob(t, "grafana/dashboards/*") {
		files[filepath.Base(path)] = read(t, path)
	}
	if !maps.Equal(carried, files) {
		t.Errorf("the chart carries %v, want %v", slices.Sorted(maps.Keys(carried)), slices.Sorted(maps.Keys(files)))
	}
}

type ruleGroups struct {
	Groups []struct {
		Name     string `yaml:"name"`
		Interval string `yaml:"interval,omitempty"`
		Rules    []map[string]any
	}
}

// ruleFiles are the rules of deploy/prometheus.
func ruleFiles(t *testing.T) ruleGroups {
	t.Helper()
	var all ruleGroups
	for _, path := range glob(t, "prometheus/rules/*.yml") {
		var file ruleGroups
		if err := yaml.Unmarshal([]byte(read(t, path)), &file); err != nil {
			t.Fatal(err)
		}
		all.Groups = append(all.Groups, file.Groups...)
	}
	return all
}

// chartRules are the rules of the chart with the values of a YAML text. promtool accepts them.
func chartRules(t *testing.T, values string) ruleGroups {
	t.Helper()
	const name = "x-m365-connector-exporter"
	out := rendered(t, values, "--set", "prometheusRule.enabled=true")
	groups := objects[struct{ Spec ruleGroups }](t, out, "PrometheusRule")[name].Spec
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, marshal(t, groups), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "promtool", "check", "rules", file)
	return groups
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// alertRules returns the rules of an alert.
func (g ruleGroups) alertRules(name string) []map[string]any {
	var found []map[string]any
	for _, group := range g.Groups {
		for _, r := range group.Rules {
			if r["alert"] == name {
				found = append(found, r)
			}
		}
	}
	return found
}

// The chart's PrometheusRule contains the rules of deploy/prometheus, with absolute URLs of the runbooks: by default
// those of the exporter's own pages.
func TestChartRules(t *testing.T) {
	t.Parallel()
	want := string(marshal(t, ruleFiles(t)))
	const service = "x-m365-connector-exporter.mail.svc:10587"
	for values, base := range map[string]string{
		"": "http://" + service + "/runbooks/",
		"web: { routePrefix: /m, existingSecret: w, tls: true }":    "https://" + service + "/m/runbooks/",
		"web: { externalURL: https://m.example.org/x/ }":            "https://m.example.org/x/runbooks/",
		"ingress: { enabled: true, hosts: [m.example.org] }":        "http://m.example.org/runbooks/",
		"prometheusRule: { runbookURL: https://wiki.example.org/ }": "https://wiki.example.org/",
	} {
		moved := strings.ReplaceAll(want, "runbook_url: docs/runbooks/", "runbook_url: "+base)
		exporter, own := strings.CutSuffix(base, "runbooks/")
		if !own {
			exporter = "http://x-m365-connector-exporter.mail.svc:10587/"
		}
		moved = strings.ReplaceAll(moved, "http://{{ $labels.instance }}/", exporter)
		if got := string(marshal(t, chartRules(t, values))); got != moved || got == want {
			t.Errorf("%s: the chart's rules are not those of deploy/prometheus:\n%s", values, got)
		}
	}
}

// The values of an alert change that alert and no other.
func TestChartAlerts(t *testing.T) {
	t.Parallel()
	const values = `prometheusRule:
  ruleLabels: { cluster: west }
  alerts:
    M365ConnectorRedundancyLost: { enabled: false }
    M365ConnectorDown: { enabled: true, for: 10m, keep_firing_for: 30m, severity: warning, labels: { team: mail } }
`
	want, got := ruleFiles(t), chartRules(t, values)
	if lost := got.alertRules("M365ConnectorRedundancyLost"); len(lost) != 0 {
		t.Errorf("a disabled alert is in the chart: %v", lost)
	}
	down := got.alertRules("M365ConnectorDown")[0]
	changed := fmt.Sprintf("%v %v %v", down["for"], down["keep_firing_for"], down["labels"])
	if changed != "10m 30m map[category:mailflow cluster:west severity:warning team:mail]" {
		t.Errorf("M365ConnectorDown: %s", changed)
	}
	for i, group := range want.Groups {
		rules := slices.DeleteFunc(group.Rules, func(r map[string]any) bool {
			return r["alert"] == "M365ConnectorRedundancyLost"
		})
		if len(rules) != len(got.Groups[i].Rules) {
			t.Errorf("%s: %d rules, want %d", group.Name, len(got.Groups[i].Rules), len(rules))
		}
		for _, r := range got.Groups[i].Rules {
			labels, _ := r["labels"].(map[string]any)
			if r["alert"] != nil && labels["cluster"] != "west" || r["record"] != nil && labels["cluster"] != nil {
				t.Errorf("labels of %v%v: %v", r["alert"], r["record"], labels)
			}
		}
	}
	_, err := template(t, "--set", "prometheusRule.enabled=true", "--set", "prometheusRule.alerts.M365ConnectorDwn.for=1m")
	if err == nil || !strings.Contains(err.Error(), "there is no alert M365ConnectorDwn") {
		t.Errorf("an unknown alert: %v", err)
	}
}

// Every threshold among the values changes one number of one rule. A rule whose text no longer contains its threshold
// fails here: adjust templates/_rules.tpl.
func TestChartThresholds(t *testing.T) {
	t.Parallel()
	var values struct {
		PrometheusRule struct {
			Thresholds map[string]float64
		} `yaml:"prometheusRule"`
	}
	if err := yaml.Unmarshal([]byte(read(t, chart+"/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	standard := chartRules(t, "")
	for name := range values.PrometheusRule.Thresholds {
		changed := chartRules(t, "prometheusRule: { thresholds: { "+name+": 0.125 } }")
		var different []string
		for i, group := range changed.Groups {
			for j, r := range group.Rules {
				old, _ := standard.Groups[i].Rules[j]["expr"].(string)
				now, _ := r["expr"].(string)
				if old == now {
					continue
				}
				different = append(different, fmt.Sprint(r["alert"]))
				if !strings.Contains(now, "0.125") {
					t.Errorf("%s: %s", name, now)
				}
			}
		}
		if len(different) != 1 {
			t.Errorf("%s changes the rules %q, want one", name, different)
		}
	}
	if len(values.PrometheusRule.Thresholds) < 8 {
		t.Errorf("thresholds: %v", values.PrometheusRule.Thresholds)
	}
}

// A certificate is recorded at least as many days before it expires as the alert's threshold has.
func TestChartRecordsWhatItWarnsOf(t *testing.T) {
	const kept = "certificate:m365_connector_certificate_not_after_timestamp_seconds:kept"
	for days, want := range map[string]string{"5": "+ 30 * 86400", "45": "+ 45 * 86400", "45.5": "+ 45.5 * 86400"} {
		rendered := chartRules(t, "prometheusRule: { thresholds: { certificateWarningDays: "+days+" } }")
		for _, group := range rendered.Groups {
			for _, r := range group.Rules {
				if r["record"] == kept && !strings.Contains(fmt.Sprint(r["expr"]), want) {
					t.Errorf("certificateWarningDays %s: %s records %s, want %q", days, kept, r["expr"], want)
				}
			}
		}
	}
}

// Exporters that have never answered are known by the name of their job, which the values set.
func TestChartJobsOfExporters(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{
		"": `job=~"(?i).*m365.?connector.*"`, `prometheusRule.exporterJobs=mail-\\d+`: `job=~"mail-\d+"`,
	} {
		sets := []string{"prometheusRule.enabled=true"}
		if set != "" {
			sets = append(sets, set)
		}
		rendered, err := helm(t, sets...)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(fmt.Sprint(objects[map[string]any](t, rendered, "PrometheusRule")), want) {
			t.Errorf("%s: the rules do not have %s", set, want)
		}
	}
}
