package text

import (
	"io"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
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
	Policies  []policyJSON   `json:"mta_sts,omitempty"`      // of its accepted domains and next hops
}

// policyJSON is the MTA-STS policy of a domain.
type policyJSON struct {
	Domain    string    `json:"domain"`
	Mode      string    `json:"mode,omitempty"` // enforce, testing, none, invalid, absent
	ID        string    `json:"id,omitempty"`
	Accepted  bool      `json:"accepted_domain"`
	NextHop   bool      `json:"next_hop"`
	SmartHost bool      `json:"smart_host"`
	MX        []string  `json:"mx,omitempty"`
	Unlisted  []string  `json:"mx_not_listed,omitempty"`
	Problem   string    `json:"problem,omitempty"`
	Fetched   time.Time `json:"fetched,omitzero"`
	Until     time.Time `json:"valid_until,omitzero"`
}

// maxPolicyMX bounds the MX hosts of one policy.
const maxPolicyMX = 100

func policiesOf(policies []check.Policy) (out []policyJSON) {
	bounded := func(hosts []string) []string { return printableAll(hosts[:min(len(hosts), maxPolicyMX)]) }
	for i := range policies {
		p := &policies[i]
		j := policyJSON{
			Domain: printableLines(p.Domain), Mode: string(p.State.Mode), ID: printableLines(p.State.ID),
			Accepted: p.Accepted, NextHop: p.NextHop, SmartHost: p.SmartHost, Unlisted: bounded(p.Unlisted),
			Problem: printableLines(p.State.Problem), Fetched: p.State.Fetched.UTC(), Until: p.State.Until.UTC(),
		}
		if p.State.Policy != nil {
			j.MX = bounded(p.State.Policy.MX)
		}
		out = append(out, j)
	}
	return out
}

// TenantsJSON prints a summary of each tenant for programs, with the policies that a report has.
func TenantsJSON(w io.Writer, all []*collector.Tenant, report *evaluate.Report) error {
	out := make([]tenantJSON, 0, len(all))
	for _, t := range all {
		j := tenantJSON{
			Tenant: printableLines(t.Name), State: string(t.Status), LoadError: printableLines(t.LoadError),
			Paths: map[string]int{}, Findings: map[string]int{}, Since: t.Since.UTC(), Expires: t.NotAfter.UTC(),
			Expiry: t.Expiry.String(), Policies: policiesOf(report.PoliciesOf(t.Name)),
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
