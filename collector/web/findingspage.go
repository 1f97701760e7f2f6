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
	for _, g := range groupByCheck(all) {
		from, to := max(part.From-at, 0), min(part.To-at, len(g))
		at += len(g)
		if from >= to {
			continue
		}
		info, _ := check.Lookup(g[0].Code)
		group := findingGroup{Info: info, Severity: g[0].Severity, Total: len(g)}
		for _, one := range g[from:to] {
			group.Findings = append(group.Findings, newFinding(one, now))
		}
		groups = append(groups, group)
	}
	return groups
}

// groupByCheck divides findings, the most severe first, by check: the check with the most severe finding first.
func groupByCheck(all []check.Finding) [][]check.Finding {
	var groups [][]check.Finding
	index := map[string]int{}
	for _, one := range all {
		i, known := index[one.Code]
		if !known {
			i = len(groups)
			index[one.Code] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], one)
	}
	return groups
}

// More counts the findings that are not listed.
func (g findingGroup) More() int { return g.Total - len(g.Findings) }

// groupFindings groups findings by check, the check with the most severe finding first. It lists at most limit findings
// of each.
func groupFindings(all []check.Finding, limit int, now time.Time) []findingGroup {
	var groups []findingGroup
	for _, found := range groupByCheck(all) {
		info, _ := check.Lookup(found[0].Code)
		group := findingGroup{Info: info, Severity: found[0].Severity, Total: len(found)}
		for _, one := range found[:min(len(found), limit)] {
			group.Findings = append(group.Findings, newFinding(one, now))
		}
		groups = append(groups, group)
	}
	return groups
}
