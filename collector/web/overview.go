package web

import (
	"slices"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

// overview is what the status page and the page of one tenant have in common: whether mail flows, a row per tenant or
// per connector, the problems, the findings by check, and the stages of the paths.
type overview struct {
	Headline   string
	Level      string // the class that colours the page
	State      collector.Status
	Summary    summary
	States     []collector.Status
	Severities []check.Severity
	Filter     filter
	overviewRows
	Problems       []problem
	MoreProblems   int
	Groups         []findingGroup
	MoreGroups     int
	Merged         int       // findings shown with their path
	Suppressed     []finding // the first of them
	MoreSuppressed int
	Grid           []tenantGroup
	Part           pageRange
}

// overviewRows are a table of tenants or connectors.
type overviewRows struct {
	Rows        []tenantRow
	MoreRows    int
	ByConnector bool // Rows are the connectors of the only tenant
}

// severities are those that a filter offers, worst first.
var severities = []check.Severity{check.Critical, check.Warning, check.Info}

// limits are the limits of an overview, so that a page stays small and fast with 10,000 paths.
type limits struct{ rows, problems, checks, findings, paths int }

// newOverview shows what is selected. Findings must be those for the reader of the page.
func newOverview(v *collector.Snapshot, s selection, f filter, max limits, now time.Time) overview {
	open, suppressed := s.open()
	o := overview{
		Summary: summarise(s.Paths, open), States: collector.Statuses[:], Filter: f,
		Severities: severities,
	}
	tenants := v.SummarizeTenants(s.Paths, open, f.includesTenant, now)
	o.addRows(v, s.Paths, open, tenants, max.rows, now)
	o.State = collector.WorstStatus(o.Summary.Paths)
	o.Headline, o.Level = o.Summary.headline(), o.Summary.level()
	if len(s.Paths) == 0 && f.leavesOutPaths(v, tenants) {
		o.Headline = "No path matches the filter."
	}
	for _, t := range tenants {
		if t.Expiry == check.Critical && o.Level != "failed" {
			o.Level = "critical"
		}
	}
	problems := listProblems(s.Paths, max.problems, now)
	open = slices.DeleteFunc(open, func(one check.Finding) bool { return problems.attach(one, now) })
	o.Merged = o.Summary.findings() - len(open)
	o.Problems, o.MoreProblems = problems.Problems, problems.More
	groups := groupFindings(open, max.findings, now)
	shown := min(len(groups), max.checks)
	o.Groups, o.MoreGroups = groups[:shown], len(groups)-shown
	for _, one := range suppressed[:min(len(suppressed), maxSuppressed)] {
		o.Suppressed = append(o.Suppressed, newFinding(one, now))
	}
	o.MoreSuppressed = len(suppressed) - len(o.Suppressed)
	paths := byTenant(s.Paths, tenants)
	o.Part = paginate(len(paths), max.paths, f.Page)
	o.Part.Below = true
	o.Grid = newGrid(v, paths[o.Part.From:o.Part.To], now)
	return o
}

// addRows lists the tenants, or the connectors if there is one tenant.
func (o *overview) addRows(
	v *collector.Snapshot, paths []*collector.PathState, open []check.Finding, tenants []*collector.Tenant, limit int,
	now time.Time,
) {
	if len(tenants) == 1 {
		o.ByConnector = true
		o.Rows = connectorRows(v, paths, open, now)
	} else {
		for _, t := range tenants[:min(len(tenants), limit)] {
			o.Rows = append(o.Rows, newTenantRow(t, now))
		}
		o.MoreRows = len(tenants) - len(o.Rows)
	}
	if more := len(o.Rows) - limit; more > 0 {
		o.Rows, o.MoreRows = o.Rows[:limit], more
	}
}

// connectorRows summarizes the connectors of these paths, worst first.
func connectorRows(
	v *collector.Snapshot, paths []*collector.PathState, open []check.Finding, now time.Time,
) []tenantRow {
	type key struct {
		direction mailflow.Direction
		name      string
	}
	index := map[key]*collector.Tenant{}
	types := map[*collector.Tenant]connectorName{}
	var all []*collector.Tenant
	for _, p := range paths {
		id := p.Path.ID
		k := key{id.Direction, id.Connector}
		if index[k] == nil {
			index[k] = collector.NewTenant(id.Tenant)
			types[index[k]] = connectorName{
				id.Connector, string(id.Direction), string(p.Path.ConnectorType), id.String(),
			}
			all = append(all, index[k])
		} else if name := types[index[k]]; name.Target != "" {
			name.Target = ""
			types[index[k]] = name
		}
		index[k].AddPath(p)
	}
	for _, c := range v.Certificates(paths, now) {
		id := c.Path.Path.ID
		index[key{id.Direction, id.Connector}].AddCertificate(&c)
	}
	for i := range open {
		if t := index[key{open[i].Direction, open[i].Connector}]; t != nil {
			t.Findings[open[i].Severity]++
		}
	}
	collector.SortWorstFirst(all)
	rows := make([]tenantRow, len(all))
	for i, t := range all {
		rows[i] = newTenantRow(t, now)
		rows[i].Connector = types[t]
	}
	return rows
}

// byTenant orders paths as the tenants are ordered. The paths of each stay in their order.
func byTenant(paths []*collector.PathState, tenants []*collector.Tenant) []*collector.PathState {
	of := make(map[string][]*collector.PathState, len(tenants))
	for _, p := range paths {
		of[p.Path.ID.Tenant] = append(of[p.Path.ID.Tenant], p)
	}
	sorted := make([]*collector.PathState, 0, len(paths))
	for _, t := range tenants {
		sorted = append(sorted, of[t.Name]...)
	}
	return sorted
}
