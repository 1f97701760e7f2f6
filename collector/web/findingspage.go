package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
)

// findingGroup is the findings of one check, which share its remedy.
type findingGroup struct {
	Info     check.Check
	Severity check.Severity // the highest of them
	Total    int            // findings of the check, of which Findings may be a part
	Findings []finding
}

// findingsPerPage is how many findings the list of findings shows at a time.
const findingsPerPage = 50

// findingsPage lists findings, grouped by check.
type findingsPage struct {
	Level, Headline string
	Filter          filter
	States          []collector.Status
	Severities      []check.Severity
	Groups          []findingGroup
	Part            pageRange
	Suppressed      []finding
	MoreSuppressed  int
	TenantCount     int
}

func (s *Site) findingsPage(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r, pageParameters...)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	v, now := s.Snapshot(), s.Now()
	open, suppressed := f.selectFrom(v).open()
	page := &findingsPage{
		Filter: f, States: collector.Statuses[:], Severities: severities, TenantCount: len(v.Tenants),
		Part: paginate(len(open), findingsPerPage, f.Page),
	}
	page.Headline, page.Level = findingsHeadline(summarise(nil, open).Severity)
	page.Groups = partOfGroups(open, page.Part, now)
	for _, one := range suppressed[:min(len(suppressed), maxSuppressed)] {
		page.Suppressed = append(page.Suppressed, newFinding(one, now))
	}
	page.MoreSuppressed = len(suppressed) - len(page.Suppressed)
	s.render(w, "findings", layoutData{Title: "Findings", Page: page})
}

// findingsHeadline counts the findings by severity, and returns the class that colours the page.
func findingsHeadline(count map[check.Severity]int) (headline, worst string) {
	var parts []string
	worst = "passed"
	for _, s := range severities {
		if n := count[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
			if worst == "passed" && s > check.Info {
				worst = s.String()
			}
		}
	}
	if len(parts) == 0 {
		return "No finding.", worst
	}
	return "Findings: " + strings.Join(parts, ", ") + ".", worst
}

// partOfGroups returns the groups of a page of the findings, which are grouped before they are divided into pages.
func partOfGroups(all []check.Finding, part pageRange, now time.Time) []findingGroup {
	var groups []findingGroup
	at := 0
	for _, g := range check.GroupByCheck(all) {
		from, to := max(part.From-at, 0), min(part.To-at, len(g.Findings))
		at += len(g.Findings)
		if from >= to {
			continue
		}
		group := findingGroup{Info: g.Check, Severity: g.Worst, Total: len(g.Findings)}
		for _, one := range g.Findings[from:to] {
			group.Findings = append(group.Findings, newFinding(one, now))
		}
		groups = append(groups, group)
	}
	return groups
}

// More counts the findings that are not listed.
func (g findingGroup) More() int { return g.Total - len(g.Findings) }

// groupFindings groups findings by check, the check with the most severe finding first. It lists at most limit findings
// of each.
func groupFindings(all []check.Finding, limit int, now time.Time) []findingGroup {
	var groups []findingGroup
	for _, g := range check.GroupByCheck(all) {
		group := findingGroup{Info: g.Check, Severity: g.Worst, Total: len(g.Findings)}
		for _, one := range g.Findings[:min(len(g.Findings), limit)] {
			group.Findings = append(group.Findings, newFinding(one, now))
		}
		groups = append(groups, group)
	}
	return groups
}
