package text

import (
	"io"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// findingJSON is one object of the array that audit prints and /api/v1/findings returns. Absent does not apply.
type findingJSON struct {
	Check     string   `json:"check"`
	Severity  string   `json:"severity"` // info, warning, critical
	Tenant    string   `json:"tenant,omitempty"`
	Direction string   `json:"direction,omitempty"`
	Connector string   `json:"connector,omitempty"`
	Path      string   `json:"path,omitempty"`
	Target    string   `json:"target,omitempty"` // of that path, for /probe, /path and validate
	Title     string   `json:"title"`
	Evidence  []string `json:"evidence"`
	Uncertain string   `json:"uncertain,omitempty"`
	Remedy    string   `json:"remedy"`
	Source    string   `json:"source"`
	// the check's documentation, relative to the top of the repository
	Link       string           `json:"link"`
	Since      *time.Time       `json:"since,omitempty"` // when this process first found it
	Suppressed *suppressionJSON `json:"suppressed,omitempty"`
}

type suppressionJSON struct {
	Owner   string    `json:"owner"`
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires"` // the first instant without it
}

// FindingsJSON prints the findings for programs, including suppressed ones.
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
		Connector: printableLines(f.Connector), Path: printableLines(f.Path), Title: info.Title,
		Evidence:  printableAll(f.Evidence),
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
		j.Suppressed = &suppressionJSON{
			Owner: printableLines(s.Owner), Reason: printableLines(s.Reason), Expires: s.Expires.UTC(),
		}
	}
	return j
}
