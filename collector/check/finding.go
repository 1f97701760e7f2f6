package check

import (
	"fmt"
	"strings"
	"time"
)

// maxListed bounds how many of many names, addresses or domains a line of evidence lists.
const maxListed = 10

// list names the items, a few of many.
func list(items []string) string {
	if len(items) > maxListed {
		return fmt.Sprintf("%s and %d more", strings.Join(items[:maxListed], ", "), len(items)-maxListed)
	}
	return strings.Join(items, ", ")
}

// day writes an instant. Evidence has instants, not ages, so that it stays the same while nothing changes.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// newFinding is a finding with the check's own severity and one line of evidence.
func newFinding(format string, args ...any) Finding {
	return Finding{Evidence: []string{fmt.Sprintf(format, args...)}}
}

// withSeverity gives a finding another severity.
func (one Finding) withSeverity(s Severity) Finding {
	one.Severity = s
	return one
}

// withSubject names what the finding is about.
func (one Finding) withSubject(s Subject) Finding {
	one.Subject = s
	return one
}

// uncertain says what the finding rests on that is not documented.
func (one Finding) uncertain(why string) Finding {
	one.Uncertain = why
	return one
}
