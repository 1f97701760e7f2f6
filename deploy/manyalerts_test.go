package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// If more than 500 paths of an exporter fail, the texts of their alerts query nothing: an evaluation would take minutes
// for thousands of paths.
func TestTextsOfManyFailures(t *testing.T) {
	const text = `No endpoint of p%d (outbound connector "c", tenant t) works. 501 paths of this exporter fail: see its page for ` +
		`the reason. First: on the exporter's host, run ` +
		`"m365_connector_exporter validate --config.file=/etc/m365_connector_exporter/config.yaml 't/outbound/c/p%[1]d'" ` +
		`and read the server's replies.`
	rules, err := filepath.Abs("prometheus/rules")
	if err != nil {
		t.Fatal(err)
	}
	var series, alerts strings.Builder
	for n := range 501 {
		fmt.Fprintf(&series, "      - { series: '%s{job=\"m\",instance=\"e\",tenant=\"t\",connector=\"c\",direction=\"outbound\","+
			"path=\"p%d\"}', values: '0x20' }\n", "m365_connector_probe_success", n)
		fmt.Fprintf(&alerts, "          - exp_labels: { severity: critical, category: mailflow, job: m, instance: e, tenant: t, "+
			"connector: c, direction: outbound, path: p%d }\n", n)
		fmt.Fprintf(&alerts, "            exp_annotations:\n              summary: 'Path p%d of connector \"c\" of t fails'\n"+
			"              description: %s\n              exporter_url: 'http://e/?tenant=t&q=c'\n"+
			"              runbook_url: docs/runbooks/M365ConnectorPathFailing.md\n", n, quoteYAML(fmt.Sprintf(text, n)))
	}
	file := filepath.Join(t.TempDir(), "many_test.yml")
	all := fmt.Sprintf("rule_files: [%q]\nevaluation_interval: 5m\ntests:\n  - interval: 1m\n    input_series:\n%s"+
		"    alert_rule_test:\n      - alertname: M365ConnectorPathFailing\n        eval_time: 15m\n        exp_alerts:\n%s",
		rules+"/*.yml", series.String(), alerts.String())
	if err := os.WriteFile(file, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "promtool", "test", "rules", file)
}
