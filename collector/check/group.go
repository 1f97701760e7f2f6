package check

import (
	"cmp"
	"slices"
)

// Group is the findings of one check: they have one remedy.
type Group struct {
	Check

	Worst    Severity  // the highest of the findings
	Findings []Finding // in the order of [Run]
}

// GroupByCheck groups findings by check, the most severe group first.
func GroupByCheck(all []Finding) []Group {
	var groups []Group
	byCode := map[string]int{}
	for _, f := range all {
		i, ok := byCode[f.Code]
		if !ok {
			info, _ := Lookup(f.Code)
			i = len(groups)
			byCode[f.Code] = i
			groups = append(groups, Group{Check: info})
		}
		groups[i].Findings = append(groups[i].Findings, f)
		groups[i].Worst = max(groups[i].Worst, f.Severity)
	}
	slices.SortStableFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Worst, a.Worst), cmp.Compare(a.Code, b.Code))
	})
	return groups
}
