package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// The limits of the status page, so that it stays small and fast with 10,000 paths.
const (
	refreshSeconds = 30
	pathsPerPage   = 40
	rowsPerPage    = 200 // endpoints; paths beyond that are listed without theirs
	maxProblems    = 12
	findingsOnPage = 25
	maxTenants     = 500 // suggested by the filter; any other can be typed
	maxNotLoaded   = 5
	maxWarnings    = 20 // of the configuration
)

// statusPage is the front page: whether mail flows, the problems, the findings, and the stages of every path.
type statusPage struct {
	Headline       string
	WorstState     collector.Status
	Summary        summary
	States         []collector.Status
	Severities     []check.Severity
	Filter         filter
	Status         Status
	ReloadFailed   *timestamp
	Tenants        []string
	TenantCount    int
	NotLoaded      []notLoaded
	MoreNotLoaded  int
	Warnings       []string
	MoreWarnings   int
	Problems       []pathRow
	MoreProblems   int
	Findings       []finding
	Merged         int // findings shown with their path
	FindingsPart   pageRange
	Suppressed     []finding // the first of them
	MoreSuppressed int
	Groups         []tenantGroup
	Part           pageRange
}

type notLoaded struct{ Tenant, Why string }

// tenantGroup is the part of the grid for one tenant.
type tenantGroup struct {
	Name       string
	Connectors []connectorGroup
}

type connectorGroup struct {
	Name, Direction, Type string
	Paths                 []gridPath
}

type gridPath struct {
	pathRow
	Rows []gridRow
}

func (s *Site) status(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	page := s.statusPage(s.Snapshot(), f)
	layout := layoutData{Title: page.Headline, Refresh: refreshSeconds, Page: page}
	if f.NoRefresh {
		layout.Refresh = 0
	}
	s.render(w, "status", layout)
}

func (s *Site) statusPage(v *collector.Snapshot, f filter) *statusPage {
	now := s.Now()
	page := &statusPage{
		Summary: summarise(v.Paths, reportOf(v).Findings), States: collector.Statuses[:], Severities: []check.Severity{check.Critical, check.Warning, check.Info},
		Filter: f, Status: s.Status(), TenantCount: len(v.Tenants),
	}
	page.Status.ReloadError = bounded(page.Status.ReloadError)
	shown := min(len(page.Status.Warnings), maxWarnings)
	page.MoreWarnings = len(page.Status.Warnings) - shown + page.Status.MoreWarnings
	for _, w := range page.Status.Warnings[:shown] {
		page.Warnings = append(page.Warnings, bounded(w))
	}
	page.ReloadFailed = newTimestamp(page.Status.ReloadFailed, now)
	page.Headline, page.WorstState = page.Summary.headline(), collector.WorstStatus(page.Summary.Paths)
	for i := range v.Tenants {
		t := &v.Tenants[i]
		if len(page.Tenants) < maxTenants {
			page.Tenants = append(page.Tenants, t.Name)
		}
		if t.LoadError != "" {
			page.NotLoaded = append(page.NotLoaded, notLoaded{t.Name, bounded(t.LoadError)})
		}
	}
	page.MoreNotLoaded = max(0, len(page.NotLoaded)-maxNotLoaded)
	page.NotLoaded = page.NotLoaded[:min(len(page.NotLoaded), maxNotLoaded)]
	page.listPaths(v.Paths, now)
	page.listFindings(reportOf(v).Findings, now)
	return page
}

// listFindings lists the findings that are not already shown with their path.
func (page *statusPage) listFindings(all []check.Finding, now time.Time) {
	var shown []check.Finding
	for _, one := range all {
		switch {
		case !page.Filter.finding(one):
		case one.Suppressed == nil && page.attach(one, now):
			page.Merged++
		case one.Suppressed == nil:
			shown = append(shown, one)
		case len(page.Suppressed) < findingsOnPage:
			page.Suppressed = append(page.Suppressed, newFinding(one, now))
		default:
			page.MoreSuppressed++
		}
	}
	page.FindingsPart = paginate(len(shown), findingsOnPage, page.Filter.Findings)
	for _, one := range shown[page.FindingsPart.From:page.FindingsPart.To] {
		page.Findings = append(page.Findings, newFinding(one, now))
	}
}

// attach adds a finding to the card of the path that fails for the same cause, and reports whether the page has it.
func (page *statusPage) attach(one check.Finding, now time.Time) bool {
	for i := range page.Problems {
		l := &page.Problems[i]
		if l.State == collector.StatusFailed && string(l.Reason) == one.Code && l.isAbout(one.Subject) {
			attached := newFinding(one, now)
			l.Finding = &attached
			return true
		}
	}
	return false
}

func (page *statusPage) listPaths(all []*collector.PathState, now time.Time) {
	var shown, problems []*collector.PathState
	for _, p := range all {
		if page.Filter.path(p) {
			shown = append(shown, p)
			if state := p.Status(); state == collector.StatusFailed || state == collector.StatusInconclusive {
				problems = append(problems, p)
			}
		}
	}
	slices.SortStableFunc(problems, func(a, b *collector.PathState) int {
		return strings.Compare(string(a.Status()), string(b.Status())) // failed before inconclusive
	})
	page.MoreProblems = max(0, len(problems)-maxProblems)
	for _, p := range problems[:len(problems)-page.MoreProblems] {
		page.Problems = append(page.Problems, newPathRow(p, now))
	}
	page.Part = paginate(len(shown), pathsPerPage, page.Filter.Page)
	page.grid(shown[page.Part.From:page.Part.To], now)
}

// grid groups paths by tenant and connector, in their order. If they have very many endpoints, the last paths are
// listed without rows.
func (page *statusPage) grid(paths []*collector.PathState, now time.Time) {
	rows := 0
	for _, p := range paths {
		id := p.Path.ID
		if n := len(page.Groups); n == 0 || page.Groups[n-1].Name != id.Tenant {
			page.Groups = append(page.Groups, tenantGroup{Name: id.Tenant})
		}
		group := &page.Groups[len(page.Groups)-1]
		if n := len(group.Connectors); n == 0 || !group.Connectors[n-1].has(id) {
			group.Connectors = append(group.Connectors, connectorGroup{
				Name: id.Connector, Direction: string(id.Direction), Type: string(p.Path.ConnectorType),
			})
		}
		connector := &group.Connectors[len(group.Connectors)-1]
		one := gridPath{pathRow: newPathRow(p, now)}
		if p.Latest != nil && rows < rowsPerPage {
			one.Rows = gridRows(p.Latest)
			rows += len(one.Rows)
		}
		connector.Paths = append(connector.Paths, one)
	}
}

func (g connectorGroup) has(id probes.PathID) bool {
	return g.Name == id.Connector && g.Direction == string(id.Direction)
}
