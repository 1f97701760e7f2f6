package collector

import (
	"time"

	"m365_connector_exporter/probes"
)

// Round is one round in a path's history.
type Round struct {
	At      time.Time
	Outcome probes.Outcome
	Stage   probes.Stage // the stage that did not pass, while Reason is set
	Reason  probes.Reason
}

// appendRound returns the history with one more round, of which the newest limit rounds stay. It copies, for a [Snapshot] may still
// hold the old history.
func appendRound(history []Round, next Round, limit int) []Round {
	history = history[max(0, len(history)-limit+1):]
	return append(append(make([]Round, 0, len(history)+1), history...), next)
}
