package web

import (
	"slices"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
)

// selection is what a filter selects of a snapshot: pages, headlines and JSON speak of nothing else.
type selection struct {
	Paths    []*collector.PathState
	Findings []check.Finding // suppressed ones too, the most severe first
}

// selectFrom applies the filter. Each parameter means the same for paths and for findings:
//
//   - tenant: those of the tenant.
//   - q: those in which the text occurs.
//   - state: paths in this state, and findings about them, their connector or their tenant.
//   - severity and check: such findings, and the paths with one, or whose connector or tenant
//     has one.
func (f filter) selectFrom(v *collector.Snapshot) selection {
	if !f.Narrow() {
		return selection{v.Paths, reportOf(v).Findings}
	}
	var s selection
	inState := subjects{} // of the paths in the state
	for _, p := range v.Paths {
		if f.State != "" && p.Status() == f.State {
			inState.addWithParents(check.Subject(p.Path.ID))
		}
	}
	found := subjects{} // of the findings with the severity
	for _, one := range reportOf(v).Findings {
		if one.Severity < f.Severity || f.Check != "" && one.Code != f.Check || !f.ofTenant(one.Tenant) {
			continue
		}
		if one.Suppressed == nil {
			found[one.Subject] = true
		}
		if (f.State == "" || inState[one.Subject]) && f.findingContains(&one) {
			s.Findings = append(s.Findings, one)
		}
	}
	for _, p := range v.Paths {
		if !f.ofTenant(p.Path.ID.Tenant) || f.State != "" && p.Status() != f.State ||
			(f.Severity != check.Off || f.Check != "") && !found.concern(check.Subject(p.Path.ID)) || !f.pathContains(p) {
			continue
		}
		s.Paths = append(s.Paths, p)
	}
	return s
}

// leavesOutPaths reports whether paths are configured that the filter does not select: of the tenants that it selects,
// or of any if it selects no tenant.
func (f filter) leavesOutPaths(v *collector.Snapshot, selected []*collector.Tenant) bool {
	return slices.ContainsFunc(v.Paths, func(p *collector.PathState) bool {
		return len(selected) == 0 || f.ofTenant(p.Path.ID.Tenant)
	})
}

// open returns the findings that are not suppressed, and those that are.
func (s selection) open() (open, suppressed []check.Finding) {
	for _, one := range s.Findings {
		if one.Suppressed == nil {
			open = append(open, one)
		} else {
			suppressed = append(suppressed, one)
		}
	}
	return open, suppressed
}

// subjects is a set of what findings are about.
type subjects map[check.Subject]bool

// addWithParents adds a path, its connector and its tenant.
func (s subjects) addWithParents(path check.Subject) {
	s[path] = true
	path.Path = ""
	s[path] = true
	s[check.Subject{Tenant: path.Tenant}] = true
}

// concern reports whether the set has a path, its connector or its tenant.
func (s subjects) concern(path check.Subject) bool {
	connector := path
	connector.Path = ""
	return s[path] || s[connector] || s[check.Subject{Tenant: path.Tenant}]
}

func (f filter) pathContains(p *collector.PathState) bool {
	id := p.Path.ID
	if f.Text == "" || f.contains(id.Tenant, id.Connector, id.Path, p.Path.NextHop, string(p.Reason)) {
		return true
	}
	return slices.ContainsFunc(p.Endpoints, func(e check.Endpoint) bool { return f.contains(e.Host, e.Address) })
}

func (f filter) findingContains(one *check.Finding) bool {
	if f.Text == "" {
		return true
	}
	info, _ := check.Lookup(one.Code)
	return f.contains(one.Tenant, one.Connector, one.Path, one.Code, info.Title) || f.contains(one.Evidence...)
}
