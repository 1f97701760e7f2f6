package web

import (
	"cmp"
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// policyRow is the MTA-STS policy of one domain in a table.
type policyRow struct {
	Domain, Mode, ID string
	Role             string // what the domain is to the tenant
	MX               string // those that the policy lists
	Problems         []string
	Level            string // the class that colours the row
	Fetched, Until   *timestamp
}

const (
	maxPolicies  = 50 // on a page
	maxPolicyMX  = 8  // hosts in a cell
	maxPolicyLen = 60 // bytes of such a host
)

// policyRows returns the first policies for a table, and how many more there are: problems first, then domains with a
// policy, then the others.
func policyRows(policies []check.Policy, now time.Time) (rows []policyRow, more int) {
	policies = slices.Clone(policies)
	slices.SortStableFunc(policies, func(a, b check.Policy) int { return cmp.Compare(rankOf(&a), rankOf(&b)) })
	shown := min(len(policies), maxPolicies)
	for i := range policies[:shown] {
		rows = append(rows, newPolicyRow(&policies[i], now))
	}
	return rows, len(policies) - shown
}

func rankOf(p *check.Policy) int {
	switch {
	case p.State.Broken || len(p.Unlisted) > 0:
		return 0
	case p.State.Policy != nil:
		return 1
	}
	return 2
}

func newPolicyRow(p *check.Policy, now time.Time) policyRow {
	row := policyRow{
		Domain: p.Domain, Mode: string(p.State.Mode), ID: p.State.ID, Level: "ok",
		Fetched: newTimestamp(p.State.Fetched, now), Until: newTimestamp(p.State.Until, now),
	}
	if p.State.Policy != nil {
		row.MX = hostList(p.State.Policy.MX)
	}
	if p.State.Problem != "" {
		row.Problems = append(row.Problems, bounded(p.State.Problem))
	}
	if len(p.Unlisted) > 0 {
		row.Problems = append(row.Problems, "not listed: "+hostList(p.Unlisted))
	}
	if rankOf(p) == 0 {
		row.Level = check.Warning.String()
	}
	switch {
	case p.Accepted && p.NextHop:
		row.Role = "accepted domain and next hop"
	case p.Accepted:
		row.Role = "accepted domain"
	case p.NextHop:
		row.Role = "next hop"
	default:
		row.Role = "smart host"
	}
	return row
}

// hostList lists the first hosts and counts the others.
func hostList(hosts []string) string {
	shown := slices.Clone(hosts)
	for i := range shown[:min(len(shown), maxPolicyMX)] {
		shown[i] = text.Truncate(shown[i], maxPolicyLen)
	}
	return text.List(shown, maxPolicyMX)
}

// policiesOfPath returns the policy that applies to the mail of a path, if it is known.
func policiesOfPath(policies []check.Policy, p *probes.Path) []check.Policy {
	domain, _ := mailflow.HostName(p.NextHop)
	for i := range policies {
		if p.ID.Direction == mailflow.Outbound && policies[i].Domain == domain {
			return policies[i : i+1]
		}
	}
	return nil
}
