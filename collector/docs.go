package collector

import (
	"fmt"
	"strings"
	"time"

	"m365_connector_exporter/collector/calendar"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// metricSections are the sections of docs/metrics.md.
var metricSections = [...]struct{ title, text string }{
	SectionStable: {"To alert on", "These series hold the last conclusive value."},
	SectionLatest: {"To look at", "These series show the latest round. Do not alert on them."},
	SectionExporter: {"Of the exporter itself", "Histograms are classic and native. " +
		"The Go runtime's `go_…` and `process_…` are exposed too."},
	SectionProbe: {"On /probe", "One probe of one configured path, on demand."},
}

// MetricsMarkdown is docs/metrics.md.
func MetricsMarkdown() string {
	var b strings.Builder
	b.WriteString("# Metrics\n\nGenerated from the metric table by `make docs`; do not edit.\n")
	for section, words := range metricSections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| name | type | labels | meaning |\n|---|---|---|---|\n",
			words.title, words.text)
		for _, m := range table {
			if m.Section != Section(section) {
				continue
			}
			labels := ""
			if len(m.Labels) > 0 {
				labels = "`" + strings.Join(m.Labels, "`, `") + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, labels, m.Help)
		}
	}
	return b.String()
}

// ReasonsMarkdown is docs/reasons.md.
func ReasonsMarkdown() string {
	var b strings.Builder
	b.WriteString("# Reasons\n\nGenerated from the catalogue of reasons by `make docs`; do not edit. " +
		"A stage that did not pass has one of these; the reason decides the outcome.\n")
	for _, r := range probes.Reasons {
		fmt.Fprintf(&b, "\n<a id=\"%[1]s\"></a>\n## %[1]s\n\n**%[2]s**: %[3]s.\n\nRemedy: %[4]s\n",
			r.Reason, r.Outcome, r.Sentence, r.Remedy)
		for _, v := range r.Variants {
			fmt.Fprintf(&b, "\n- If %s: %s\n", v.When, v.Remedy)
		}
	}
	return b.String()
}

const checksIntroduction = `# Checks

Generated from the catalogue of checks; do not edit. The severity is the highest that a check reports:

- **critical**: mail is refused, lost or attributed wrongly, now or within ` + "`certificate_critical_days`" + `
- **warning**: mail flows, and stops on a foreseeable event
- **info**: no action needed

A finding that rests on behaviour that Microsoft has not documented is marked UNCERTAIN and is never critical; one ` +
	"about an assumed sender is at most a warning. A check that needs an unknown value is not judged. `checks` in the " +
	"configuration sets another severity, or `off`; `suppressions` hide single findings until a date." + `

A finding hides its consequences about the same tenant, connector or path, unless they were found before it or ` +
	"are more severe." + `

| check | severity | problem |
|---|---|---|
`

// ChecksMarkdown is docs/checks.md.
func ChecksMarkdown() string {
	var b strings.Builder
	b.WriteString(checksIntroduction)
	for _, c := range check.Catalogue() {
		fmt.Fprintf(&b, "| [`%[1]s`](#%[1]s) | %[2]s | %[3]s |\n", c.Code, c.Severity, c.Title)
	}
	for _, c := range check.Catalogue() {
		fmt.Fprintf(&b, "\n<a id=\"%[1]s\"></a>\n## %[1]s\n\n**%[2]s**, %[7]s: %[3]s.\n\n"+
			"Found when: %[4]s.\n\nRemedy: %[5]s\n\nSource: %[6]s\n",
			c.Code, c.Severity, c.Title, c.When, c.Remedy, c.Source, c.Scope.Per())
		if len(c.Silences) > 0 {
			b.WriteString("\nHides: " + links(c.Silences) + "\n")
		}
	}
	return b.String()
}

func links(codes []string) string {
	linked := make([]string, len(codes))
	for i, code := range codes {
		linked[i] = fmt.Sprintf("[`%[1]s`](#%[1]s)", code)
	}
	return strings.Join(linked, ", ")
}

const calendarIntroduction = `# Calendar

<!-- Written by ` + "`make docs`" + ` from the table. -->

Dates on which mail flow changes, as far as they are known in advance. ` +
	"`m365_connector_deadline_timestamp_seconds`" + `
and the page ` + "`/calendar`" + ` show them for each tenant and connector that is affected; if several endpoints are
affected, the earliest date. A date that is not certain is marked UNCERTAIN. As known on %s.

| advisory | date | what happens | whom it affects | source |
|---|---|---|---|---|
`

// CalendarMarkdown is docs/calendar.md.
func CalendarMarkdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, calendarIntroduction, calendar.Version)
	for _, a := range calendar.Table {
		date, source := "that of the server", a.Source
		if !a.At.IsZero() {
			date = a.At.Format(time.DateOnly)
		}
		if a.Uncertain != "" {
			source += ". UNCERTAIN: " + a.Uncertain
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", a.ID, date, a.Title, a.Affects, source)
	}
	return b.String()
}
