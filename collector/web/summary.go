package web

import (
	"fmt"
	"strings"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
)

// summary has the numbers of the headline.
type summary struct {
	Paths    map[collector.Status]int // by state
	Severity map[check.Severity]int   // without suppressed findings
}

func summarise(paths []*collector.PathState, findings []check.Finding) summary {
	s := summary{Paths: map[collector.Status]int{}, Severity: map[check.Severity]int{}}
	for _, p := range paths {
		s.Paths[p.Status()]++
	}
	for i := range findings {
		if findings[i].Suppressed == nil {
			s.Severity[findings[i].Severity]++
		}
	}
	return s
}

// findings counts the findings of every severity.
func (s summary) findings() (n int) {
	for _, count := range s.Severity {
		n += count
	}
	return n
}

// level returns the class that colours a page: the worst state, or a severity if every path passes.
func (s summary) level() string {
	switch worst := collector.WorstStatus(s.Paths); {
	case worst == collector.StatusFailed:
		return string(worst)
	case s.Severity[check.Critical] > 0:
		return check.Critical.String()
	case worst == collector.StatusPassed && s.Severity[check.Warning] > 0:
		return check.Warning.String()
	default:
		return string(worst)
	}
}

// headline says whether mail flows, as seen from this host, and how many critical findings there are.
func (s summary) headline() string {
	headline := s.flow()
	switch n := s.Severity[check.Critical]; {
	case n == 1:
		headline += " One critical finding needs attention."
	case n > 1:
		headline += fmt.Sprintf(" %d critical findings need attention.", n)
	}
	return headline
}

func (s summary) flow() string {
	failed, open := s.Paths[collector.StatusFailed], s.Paths[collector.StatusInconclusive]
	waiting := s.Paths[collector.StatusWaiting]
	total := failed + open + waiting + s.Paths[collector.StatusPassed]
	switch {
	case total == 0 && s.Paths[collector.StatusNotProbed] == 0:
		return "No path is configured."
	case total == 0:
		return "Unknown: no configured path is probed."
	case waiting == total:
		return fmt.Sprintf("Unknown yet: the first round of %s is running.", text.Count(total, "path"))
	case failed+open+waiting == 0 && total == 1:
		return "Mail flows: the only path passes."
	case failed+open+waiting == 0:
		return fmt.Sprintf("Mail flows: all %d paths pass.", total)
	}
	parts := []string{fmt.Sprintf("%d of %s %s", failed, text.Count(total, "path"), verb(failed, "fails", "fail"))}
	if failed == 0 {
		parts[0] = fmt.Sprintf("None of %s fails", text.Count(total, "path"))
	}
	if open > 0 {
		parts = append(parts, fmt.Sprintf("%d %s inconclusive", open, verb(open, "is", "are")))
	}
	if waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d %s for the first verdict", waiting, verb(waiting, "waits", "wait")))
	}
	return strings.Join(parts, ", ") + "."
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
