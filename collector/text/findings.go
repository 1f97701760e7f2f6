package text

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"m365_connector_exporter/collector/check"
)

// Findings prints the findings, the most severe first, each with its evidence, remedy and source. Suppressed findings
// are counted only.
func Findings(w io.Writer, all []check.Finding, o Options) error {
	p := &printer{Options: o}
	counts, suppressed := map[check.Severity]int{}, 0
	for _, f := range all {
		if f.Suppressed != nil {
			suppressed++
			continue
		}
		counts[f.Severity]++
		p.finding(f)
	}
	total := fmt.Sprintf("%d critical, %d warning, %d info",
		counts[check.Critical], counts[check.Warning], counts[check.Info])
	if suppressed > 0 {
		total += fmt.Sprintf("; %d suppressed", suppressed)
	}
	p.line(0, total)
	return p.flush(w)
}

func (p *printer) finding(f check.Finding) {
	info, _ := check.Lookup(f.Code)
	p.line(0, p.severity(f.Severity)+"  "+Printable(subject(f.Subject)))
	p.line(10, fmt.Sprintf("%s (%s)", info.Title, f.Code))
	for _, line := range f.Evidence {
		p.line(10, "- "+Printable(line))
	}
	if f.Uncertain != "" {
		p.line(10, "UNCERTAIN: "+Printable(f.Uncertain))
	}
	if info.Remedy != "" {
		p.line(10, "Remedy: "+info.Remedy)
	}
	if info.Source != "" {
		p.line(10, "Source: "+info.Source)
	}
	p.line(10, "More: "+info.Link())
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

// subject returns what a finding is about as a target, or the beginning of one.
func subject(s check.Subject) string {
	if s.Tenant == "" {
		return "this exporter"
	}
	parts := []string{url.PathEscape(s.Tenant)}
	for _, part := range []string{string(s.Direction), s.Connector, s.Path} {
		if part == "" {
			break
		}
		parts = append(parts, url.PathEscape(part))
	}
	return strings.Join(parts, "/")
}
