package web

import (
	"fmt"
	"strings"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// The states of a path, as pages and filters name them.
const (
	stateFailed       = "failed"
	stateInconclusive = "inconclusive"
	statePassed       = "passed"
	stateWaiting      = "waiting"
	stateNotProbed    = "not_probed"
)

// states are all of them, worst first.
var states = []string{stateFailed, stateInconclusive, stateWaiting, statePassed, stateNotProbed}

// stateOf returns a path's state. A confirmed failure remains while newer rounds are inconclusive, and a path passes
// beside an endpoint that is inconclusive.
func stateOf(p *collector.PathState) string {
	switch {
	case p.Path.NotProbeable != "" || p.Path.NotProbed != "":
		return stateNotProbed
	case p.Verdict == probes.Failed:
		return stateFailed
	case p.Verdict == probes.Passed && p.Latest != nil && p.Latest.SomePassed():
		return statePassed
	case p.Latest != nil && p.Latest.Outcome() == probes.Inconclusive:
		return stateInconclusive
	case p.Verdict == probes.Passed:
		return statePassed
	default:
		return stateWaiting
	}
}

// summary has the numbers of the headline.
type summary struct {
	Paths      map[string]int // by state
	Severity   map[check.Severity]int
	Suppressed int // findings
}

func summarise(v *collector.Snapshot) summary {
	s := summary{Paths: map[string]int{}, Severity: map[check.Severity]int{}}
	for _, p := range v.Paths {
		s.Paths[stateOf(p)]++
	}
	for _, f := range reportOf(v).Findings {
		if f.Suppressed != nil {
			s.Suppressed++
		} else {
			s.Severity[f.Severity]++
		}
	}
	return s
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
	failed, open, waiting := s.Paths[stateFailed], s.Paths[stateInconclusive], s.Paths[stateWaiting]
	total := failed + open + waiting + s.Paths[statePassed]
	switch {
	case total == 0 && s.Paths[stateNotProbed] == 0:
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
