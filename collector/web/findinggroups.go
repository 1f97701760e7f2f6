package web

import (
	"time"

	"m365_connector_exporter/collector/check"
)

// findingGroup is the findings of one check, which share its remedy.
type findingGroup struct {
	Info     check.Check
	Severity check.Severity // the highest of them
	Total    int            // findings of the check, of which Findings may be a part
	Findings []finding
}

// More counts the findings that are not listed.
func (g findingGroup) More() int { return g.Total - len(g.Findings) }

// groupFindings groups findings by check: the checks with the most severe finding first, then those with most. It lists
// at most limit findings of each check.
func groupFindings(all []check.Finding, limit int, now time.Time) []findingGroup {
	var groups []findingGroup
	index := map[string]int{}
	for _, one := range all { // the most severe first
		i, known := index[one.Code]
		if !known {
			i = len(groups)
			index[one.Code] = i
			info, _ := check.Lookup(one.Code)
			groups = append(groups, findingGroup{Info: info, Severity: one.Severity})
		}
		groups[i].Total++
		if len(groups[i].Findings) < limit {
			groups[i].Findings = append(groups[i].Findings, newFinding(one, now))
		}
	}
	return groups
}
