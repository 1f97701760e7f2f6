package text

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// Findings prints what the checks found: highest severity first, each with its evidence, the remedy and the source. Suppressed
// findings are only counted.
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
	total := fmt.Sprintf("%d critical, %d warning, %d info", counts[check.Critical], counts[check.Warning], counts[check.Info])
	if suppressed > 0 {
		total += fmt.Sprintf("; %d suppressed", suppressed)
	}
	p.line(0, total)
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (p *printer) finding(f check.Finding) {
	info, _ := check.Lookup(f.Code)
	p.line(0, p.severity(f.Severity)+"  "+printable(subject(f.Subject)))
	p.line(10, fmt.Sprintf("%s (%s)", info.Title, f.Code))
	for _, line := range f.Evidence {
		p.line(10, "- "+printable(line))
	}
	if f.Uncertain != "" {
		p.line(10, "UNCERTAIN: "+printable(f.Uncertain))
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
	word := fmt.Sprintf("%-8s", strings.ToUpper(s.String()))
	if !p.Color {
		return word
	}
	switch s {
	case check.Critical:
		return "\x1b[31m" + word + "\x1b[0m"
	case check.Warning:
		return "\x1b[33m" + word + "\x1b[0m"
	default:
		return "\x1b[2m" + word + "\x1b[0m"
	}
}

// subject is written as a target, as far as it goes.
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

// The JSON schema of audit and /api/v1/findings: an array with one object a finding. Fields are only ever added; absent does not
// apply.
type findingJSON struct {
	Check      string           `json:"check"`
	Severity   string           `json:"severity"` // info, warning, critical
	Tenant     string           `json:"tenant,omitempty"`
	Direction  string           `json:"direction,omitempty"`
	Connector  string           `json:"connector,omitempty"`
	Path       string           `json:"path,omitempty"`
	Target     string           `json:"target,omitempty"` // of that path, as /probe, /path and validate take it
	Title      string           `json:"title"`
	Evidence   []string         `json:"evidence"`
	Uncertain  string           `json:"uncertain,omitempty"`
	Remedy     string           `json:"remedy"`
	Source     string           `json:"source"`
	Link       string           `json:"link"`            // to the check's documentation, from the top of the repository
	Since      *time.Time       `json:"since,omitempty"` // first found by this process
	Suppressed *suppressionJSON `json:"suppressed,omitempty"`
}

type suppressionJSON struct {
	Owner   string    `json:"owner"`
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires"` // the first instant at which it no longer holds
}

// FindingsJSON prints the same for programs, suppressed findings too.
func FindingsJSON(w io.Writer, all []check.Finding) error {
	out := make([]findingJSON, 0, len(all))
	for _, f := range all {
		out = append(out, findingToJSON(f))
	}
	return encode(w, out)
}

func findingToJSON(f check.Finding) findingJSON {
	info, _ := check.Lookup(f.Code)
	j := findingJSON{
		Check: f.Code, Severity: f.Severity.String(), Tenant: printableLines(f.Tenant), Direction: string(f.Direction),
		Connector: printableLines(f.Connector), Path: printableLines(f.Path), Title: info.Title, Evidence: printableAll(f.Evidence),
		Uncertain: printableLines(f.Uncertain), Remedy: info.Remedy, Source: info.Source, Link: info.Link(),
	}
	if f.Path != "" {
		j.Target = printableLines(probes.PathID(f.Subject).String())
	}
	if !f.Since.IsZero() {
		since := f.Since.UTC()
		j.Since = &since
	}
	if s := f.Suppressed; s != nil {
		j.Suppressed = &suppressionJSON{Owner: printableLines(s.Owner), Reason: printableLines(s.Reason), Expires: s.Expires.UTC()}
	}
	return j
}
