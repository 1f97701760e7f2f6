package collector

import (
	"fmt"
	"strings"

	"m365_connector_exporter/probes"
)

// MetricsMarkdown is docs/metrics.md.
func MetricsMarkdown() string {
	var b strings.Builder
	b.WriteString("# Metrics\n\nMade from the metric table; do not edit.\n")
	var steady, newest []Metric
	for _, m := range Metrics() {
		if m.Steady {
			steady = append(steady, m)
		} else {
			newest = append(newest, m)
		}
	}
	own, probe := OwnMetrics(), ProbeMetrics()
	section(&b, "To alert on", "They keep their verdict while nothing is proven anew.", namespace, steady)
	section(&b, "To look at", "They show the newest round. Do not alert on them.", namespace, append(newest, stageHistogram))
	section(&b, "Of the exporter itself", "Histograms are classic and native. Beside these stand the Go runtime's `go_…` and `process_…`.", namespace, own[:])
	section(&b, "On /probe", "One live probe of one configured path, in a registry of its own.", "", probe[:])
	return b.String()
}

func section(b *strings.Builder, title, text, prefix string, metrics []Metric) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| name | type | labels | meaning |\n|---|---|---|---|\n", title, text)
	for _, m := range metrics {
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", prefix, m.Name, m.Kind, labels, m.Help)
	}
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
