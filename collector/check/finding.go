package check

import (
	"fmt"
	"hash/maphash"
	"maps"
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

// withPrivate words the one sentence of evidence for a reader who must not learn the names of other tenants.
func (a Finding) withPrivate(format string, args ...any) Finding {
	return a.addPrivate(map[string]string{a.Evidence[0]: fmt.Sprintf(format, args...)})
}

// OneTenant returns the finding with texts that name no other tenant: for a page that its tenant may see.
func (a Finding) OneTenant() Finding {
	evidence := make([]string, 0, len(a.Evidence))
	for _, line := range a.Evidence {
		if private, ok := a.private[line]; ok {
			line = private
		}
		if !slices.Contains(evidence, line) {
			evidence = append(evidence, line)
		}
	}
	a.Evidence = evidence
	if private, ok := a.private[a.Uncertain]; ok {
		a.Uncertain = private
	}
	return a
}

// addPrivate adds wordings of texts for one tenant alone. It copies: findings are values.
func (a Finding) addPrivate(more map[string]string) Finding {
	if len(more) > 0 {
		all := make(map[string]string, len(a.private)+len(more))
		maps.Copy(all, a.private)
		maps.Copy(all, more)
		a.private = all
	}
	return a
}

// explainedBut marks a finding that the cause of this code does not explain; "" marks nothing.
func (a Finding) explainedBut(cause string) Finding {
	a.independentOf = cause
	return a
}

// uncertain marks a finding that rests on undocumented behaviour; "" marks nothing.
func (a Finding) uncertain(why string) Finding {
	a.Uncertain = why
	return a
}
