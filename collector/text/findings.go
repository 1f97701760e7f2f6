package text

import (
	"fmt"
	"io"
	"strings"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// Findings prints the findings at or above a severity, grouped by check: the most severe check first, with each
// subject and its evidence, and with one remedy and source. Suppressed and less severe findings are counted only.
func Findings(w io.Writer, all []check.Finding, least check.Severity, o Options) error {
	p := &printer{Options: o}
	counts, suppressed := map[check.Severity]int{}, 0
	var shown []check.Finding
	for _, f := range all {
		switch {
		case f.Suppressed != nil:
			suppressed++
			continue
		case f.Severity >= least:
			shown = append(shown, f)
		}
		counts[f.Severity]++
	}
	for _, g := range check.GroupByCheck(shown) {
		p.group(g)
	}
	p.line(0, countFindings(counts, suppressed, least))
	return p.flush(w)
}

// countFindings words how many findings there are, and which are not shown.
func countFindings(counts map[check.Severity]int, suppressed int, least check.Severity) string {
	total := fmt.Sprintf("%d critical, %d warning, %d info",
		counts[check.Critical], counts[check.Warning], counts[check.Info])
	if suppressed > 0 {
		total += fmt.Sprintf("; %d suppressed", suppressed)
	}
	if least > check.Info {
		total += "; findings below " + least.String() + " are not shown"
	}
	return total
}

func (p *printer) group(g check.Group) {
	p.labelled(p.severity(g.Worst)+"  ", fmt.Sprintf("%s (%s)", g.Title, g.Code))
	for _, f := range g.Findings {
		subject := Subject(f.Subject)
		if f.Severity != g.Worst {
			subject = f.Severity.String() + ": " + subject
		}
		p.line(10, subject)
		for _, line := range f.Evidence {
			p.line(12, "- "+Printable(line))
		}
		if f.Uncertain != "" {
			p.line(12, "UNCERTAIN: "+Printable(f.Uncertain))
		}
	}
	if g.Remedy != "" {
		p.line(10, "Remedy: "+g.Remedy)
	}
	if g.Source != "" {
		p.line(10, "Source: "+g.Source)
	}
	p.line(10, "More: "+g.Link())
	p.line(0, "")
}

func (p *printer) severity(s check.Severity) string {
	color := colorDim
	switch s {
	case check.Critical:
		color = colorRed
	case check.Warning:
		color = colorYellow
	default:
	}
	return p.colored(color, fmt.Sprintf("%-8s", strings.ToUpper(s.String())))
}

// Subject returns what a finding is about, for people: "contoso › From on-premises › edge-1 (inbound)". Programs and
// command lines name a path by its target, see [probes.PathID].
func Subject(s check.Subject) string {
	if s.Tenant == "" {
		return "this exporter"
	}
	return Printable(probes.PathID(s).DisplayName())
}
