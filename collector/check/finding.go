package check

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"
)

// maxListed bounds how many names, addresses or domains one sentence of evidence lists.
const maxListed = 10

// list joins the items for a sentence; of many it lists the first and counts the others.
func list(items []string) string { return listOf(items, len(items)) }

// listOf is list for items that are the first of total ones.
func listOf(items []string, total int) string {
	shown := items[:min(len(items), maxListed)]
	if more := total - len(shown); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), more)
	}
	return strings.Join(shown, ", ")
}

// day formats an instant. Evidence contains instants, not ages, so that it does not change while nothing else does.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// addEvidence adds the lines that a does not have yet: the first ones, and a count of the others.
func (a *Finding) addEvidence(lines []string) {
	for _, line := range lines {
		switch {
		case slices.Contains(a.Evidence, line):
		case len(a.Evidence) < MaxEvidence:
			a.Evidence = append(a.Evidence, line)
		default:
			if a.omitted == nil {
				a.omitted = map[uint64]struct{}{}
			}
			a.omitted[maphash.String(evidenceSeed, line)] = struct{}{}
		}
	}
}

var evidenceSeed = maphash.MakeSeed()

// summarizeOmitted replaces the last line of evidence by a count of what did not fit.
func (a *Finding) summarizeOmitted() {
	if n := len(a.omitted); n > 0 {
		last := len(a.Evidence) - 1
		a.Evidence = append(slices.Clip(a.Evidence[:last]), fmt.Sprintf("and %d more", n+1))
	}
	a.omitted = nil
}

// newFinding returns a finding with the check's own severity and one sentence of evidence.
func newFinding(format string, args ...any) Finding {
	return Finding{Evidence: []string{fmt.Sprintf(format, args...)}}
}

func (a Finding) withSeverity(s Severity) Finding {
	a.Severity = s
	return a
}

func (a Finding) withSubject(s Subject) Finding {
	a.Subject = s
	return a
}

// withPrivate sets the evidence for a reader who must not learn the names of other tenants.
func (a Finding) withPrivate(format string, args ...any) Finding {
	a.private = []string{fmt.Sprintf(format, args...)}
	return a
}

// OneTenant returns the finding with evidence that names no other tenant: for a page that its tenant may see.
func (a Finding) OneTenant() Finding {
	if a.private != nil {
		a.Evidence, a.private = a.private, nil
	}
	return a
}

// addPrivate adds what a page of one tenant may show of b. Before b is added to the evidence.
func (a *Finding) addPrivate(b Finding) {
	if a.private == nil && b.private == nil {
		return
	}
	both := slices.Clone(a.OneTenant().Evidence)
	for _, line := range b.OneTenant().Evidence {
		if !slices.Contains(both, line) && len(both) < MaxEvidence {
			both = append(both, line)
		}
	}
	a.private = both
}

// uncertain marks a finding that rests on undocumented behaviour; "" marks nothing.
func (a Finding) uncertain(why string) Finding {
	a.Uncertain = why
	return a
}
