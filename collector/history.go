package collector

import (
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// Round is a line of a path's history.
type Round struct {
	At      time.Time
	Outcome probes.Outcome
	Stage   probes.Stage // where it did not pass, while Reason is set
	Reason  probes.Reason
}

// Rounds are lines of a history, newest last. They are kept in a third of the room that [Round] takes: each of thousands of paths has
// twenty and more.
type Rounds []smallRound

type smallRound struct {
	at      int64 // nanoseconds since 1970
	outcome probes.Outcome
	stage   probes.Stage
	reason  uint8 // its place in probes.Reasons, from 1; 0 where there is none
}

// RoundsOf keeps lines, newest last.
func RoundsOf(lines ...Round) Rounds {
	rounds := make(Rounds, len(lines))
	for i, line := range lines {
		rounds[i] = line.small()
	}
	return rounds
}

// Lines are the rounds as they were.
func (r Rounds) Lines() []Round {
	lines := make([]Round, len(r))
	for i, s := range r {
		lines[i] = Round{At: time.Unix(0, s.at).UTC(), Outcome: s.outcome, Stage: s.stage}
		if s.reason > 0 {
			lines[i].Reason = probes.Reasons[s.reason-1].Reason
		}
	}
	return lines
}

func (line Round) small() smallRound {
	place := 1 + slices.IndexFunc(probes.Reasons, func(i probes.ReasonInfo) bool { return i.Reason == line.Reason })
	return smallRound{line.At.UnixNano(), line.Outcome, line.Stage, uint8(place)} //nolint:gosec // a test counts the reasons
}

// with is the rounds and one more, of which the newest are kept. It copies: a Snapshot may still hold the old ones.
func (r Rounds) with(line Round, most int) Rounds {
	r = r[max(0, len(r)-most+1):]
	return append(append(make(Rounds, 0, len(r)+1), r...), line.small())
}
