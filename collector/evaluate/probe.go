package evaluate

import "m365_connector_exporter/probes"

// Probe is what one probe on request says about its path.
type Probe struct {
	Result       probes.Result
	Inconclusive bool           // it proves nothing, or was interrupted
	Verdict      probes.Outcome // of this probe; if it is inconclusive, the last one of the path, or NotReached
}

// OnDemand evaluates a probe on request. The last verdict is that of the path's own rounds.
func OnDemand(result probes.Result, last probes.Outcome) Probe {
	outcome := result.Outcome()
	if outcome == probes.Inconclusive || result.Interrupted() {
		return Probe{Result: result, Inconclusive: true, Verdict: last}
	}
	return Probe{Result: result, Verdict: outcome}
}

// Summary counts paths by the outcome of one round each.
type Summary struct{ Passed, Failed, Inconclusive int }

// Add counts a round.
func (s *Summary) Add(r probes.Result) {
	switch r.Outcome() {
	case probes.Passed:
		s.Passed++
	case probes.Failed:
		s.Failed++
	default:
		s.Inconclusive++
	}
}

// Outcome is that of all paths together: Failed if one failed, Passed if all passed, and otherwise Inconclusive.
func (s Summary) Outcome() probes.Outcome {
	switch {
	case s.Failed > 0:
		return probes.Failed
	case s.Inconclusive > 0 || s.Passed == 0:
		return probes.Inconclusive
	default:
		return probes.Passed
	}
}
