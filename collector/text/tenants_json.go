package text

import (
	"io"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
)

// tenantJSON is one object of the array that /api/v1/tenants returns.
type tenantJSON struct {
	Tenant    string         `json:"tenant"`
	State     string         `json:"state"` // the worst state of its paths
	LoadError string         `json:"load_error,omitempty"`
	Paths     map[string]int `json:"paths"`                  // by state
	Findings  map[string]int `json:"findings"`               // by severity, without suppressed ones
	Since     time.Time      `json:"failing_since,omitzero"` // of the path that fails longest
	Expires   time.Time      `json:"first_expires,omitzero"` // of its certificates, without Microsoft's
	Expiry    string         `json:"first_expires_severity"` // by the thresholds; off: not soon
}

// TenantsJSON prints a summary of each tenant for programs.
func TenantsJSON(w io.Writer, all []*collector.Tenant) error {
	out := make([]tenantJSON, 0, len(all))
	for _, t := range all {
		j := tenantJSON{
			Tenant: printableLines(t.Name), State: string(t.Status), LoadError: printableLines(t.LoadError),
			Paths: map[string]int{}, Findings: map[string]int{}, Since: t.Since.UTC(), Expires: t.NotAfter.UTC(),
			Expiry: t.Expiry.String(),
		}
		for _, status := range collector.Statuses {
			j.Paths[string(status)] = t.Paths[status]
		}
		for _, s := range []check.Severity{check.Critical, check.Warning, check.Info} {
			j.Findings[s.String()] = t.Findings[s]
		}
		out = append(out, j)
	}
	return encode(w, out)
}
