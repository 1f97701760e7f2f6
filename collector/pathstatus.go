package collector

import "m365_connector_exporter/probes"

// Status is the state of a path in one word, as pages, filters and JSON name it.
type Status string

// The states of a path.
const (
	StatusFailed       Status = "failed"
	StatusInconclusive Status = "inconclusive"
	StatusWaiting      Status = "waiting" // for its first verdict
	StatusPassed       Status = "passed"
	StatusNotProbed    Status = "not_probed"
)

// Statuses are all states, worst first.
var Statuses = [...]Status{StatusFailed, StatusInconclusive, StatusWaiting, StatusPassed, StatusNotProbed}

// Status returns the path's state. A confirmed failure remains while newer rounds are inconclusive, and a path passes
// beside an endpoint that is inconclusive.
func (s *PathState) Status() Status {
	switch {
	case s.Path.NotProbeable != "" || s.Path.NotProbed != "":
		return StatusNotProbed
	case s.Verdict == probes.Failed:
		return StatusFailed
	case s.Verdict == probes.Passed && s.Latest != nil && s.Latest.SomePassed():
		return StatusPassed
	case s.Latest != nil && s.Latest.Outcome() == probes.Inconclusive:
		return StatusInconclusive
	case s.Verdict == probes.Passed:
		return StatusPassed
	default:
		return StatusWaiting
	}
}

// WorstStatus returns the worst state of the paths that are counted.
func WorstStatus(count map[Status]int) Status {
	for _, status := range Statuses {
		if count[status] > 0 {
			return status
		}
	}
	return StatusNotProbed
}
