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

// saw is a finding with the check's own severity and one line of evidence.
func saw(format string, args ...any) Finding {
	return Finding{Evidence: []string{fmt.Sprintf(format, args...)}}
}

// at gives a finding another severity.
func (one Finding) at(s Severity) Finding {
	one.Severity = s
	return one
}

// of names what the finding is about.
func (one Finding) of(s Subject) Finding {
	one.Subject = s
	return one
}

// unsure says what the finding rests on that is not documented.
func (one Finding) unsure(why string) Finding {
	one.Uncertain = why
	return one
}
