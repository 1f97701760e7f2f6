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
	const text = `No endpoint of p%d (outbound connector "c", tenant t) works. 501 paths of this exporter fail: ` +
		`see its page for the reason. First: on the exporter's host, run ` +
		`"m365_connector_exporter validate --config.file=/etc/m365_connector_exporter/config.yaml 't/outbound/c/p%[1]d'" ` +
		`and read the server's replies.`
	const failing = `      - series: 'm365_connector_probe_success{job="m",instance="e",tenant="t",connector="c",` +
		`direction="outbound",path="p%d"}'
        values: '0x40'
`
	const alert = `          - exp_labels: { severity: critical, category: mailflow, job: m, instance: e, tenant: t,
              connector: c, direction: outbound, path: p%d }
            exp_annotations:
              summary: Path p%[1]d of connector "c" of t fails
              description: %s
              exporter_url: 'http://e/?tenant=t&q=c'
              runbook_url: docs/runbooks/M365ConnectorPathFailing.md
`
	rules, err := filepath.Abs("prometheus/rules")
	if err != nil {
		t.Fatal(err)
	}
	var series, alerts strings.Builder
	for n := range 501 {
		fmt.Fprintf(&series, failing, n)
		fmt.Fprintf(&alerts, alert, n, quoteYAML(fmt.Sprintf(text, n)))
	}
	file := filepath.Join(t.TempDir(), "many_test.yml")
	all := fmt.Sprintf("rule_files: [%q]\nevaluation_interval: 5m\ntests:\n  - interval: 1m\n    input_series:\n%s"+
		"    alert_rule_test:\n      - alertname: M365ConnectorPathFailing\n        eval_time: 30m\n        exp_alerts:\n%s",
		rules+"/*.yml", series.String(), alerts.String())
	if err := os.WriteFile(file, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "promtool", "test", "rules", file)
}
