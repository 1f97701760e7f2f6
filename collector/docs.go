package collector

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"m365_connector_exporter/probes"
)

// MetricsMarkdown is docs/metrics.md.
func MetricsMarkdown() string {
	var b strings.Builder
	b.WriteString("# Metrics\n\nMade from the metric table; do not edit.\n")
	for _, steady := range []bool{true, false} {
		if steady {
			b.WriteString("\n## To alert on\n\nThey keep their verdict while nothing is proven anew.\n\n")
		} else {
			b.WriteString("\n## To look at\n\nThey show the newest round. Do not alert on them.\n\n")
		}
		b.WriteString("| name | type | labels | meaning |\n|---|---|---|---|\n")
		for _, m := range Metrics() {
			if m.Steady == steady {
				fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s |\n", namespace, m.Name, typeName(m.Type), "`"+strings.Join(m.Labels, "`, `")+"`", m.Help)
			}
		}
	}
	b.WriteString("| `m365_connector_stage_duration_seconds` | histogram | `direction`, `stage` | How long passed stages took. |\n")
	b.WriteString("\n## On /probe\n\nOne live probe of one configured path, in a registry of its own.\n\n| name | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range ProbeMetrics() {
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | gauge | %s | %s |\n", m.Name, labels, m.Help)
	}
	b.WriteString("\nThe exporter's own metrics begin with `m365_connector_exporter_`; their meaning stands in their `# HELP` lines.\n")
	return b.String()
}

func typeName(t prometheus.ValueType) string {
	if t == counter {
		return "counter"
	}
	return "gauge"
}

// ReasonsMarkdown is docs/reasons.md.
func ReasonsMarkdown() string {
	var b strings.Builder
	b.WriteString("# Reasons\n\nMade from the reason catalogue; do not edit. A stage that did not pass has one of these; the reason decides the outcome.\n")
	for _, r := range probes.Reasons {
		fmt.Fprintf(&b, "\n<a id=\"%[1]s\"></a>\n## %[1]s\n\n**%[2]s**: %[3]s.\n\nRemedy: %[4]s\n", r.Reason, r.Outcome, r.Sentence, r.Remedy)
	}
	return b.String()
}
