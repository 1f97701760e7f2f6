package web

import (
	"slices"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// controlRow is a negative control of a path: its newest result at one endpoint, or that it was not run yet.
type controlRow struct {
	Kind           probes.ControlKind
	Tries, Must    string // what it tries, and what must refuse it
	Host, Address  string
	At             *timestamp // nil before the first run
	Outcome, Class string     // Class is the outcome of a path that looks the same
	Reason         probes.Reason
	Reply          string
	Uncertain      string
	Remedy         string // if it was admitted
	Last           string // the last conclusive outcome, if the newest is inconclusive
	LastAt         *timestamp
}

var controlClasses = map[probes.ControlOutcome]collector.Status{
	probes.ControlAdmitted: collector.StatusFailed, probes.ControlRefused: collector.StatusPassed,
	probes.ControlInconclusive: collector.StatusInconclusive,
}

// newControlRows returns the rows of a path's controls, each with its newest results.
func newControlRows(p *collector.PathState, now time.Time) (rows []controlRow) {
	results := p.CurrentControls()
	for i := range p.Path.Controls {
		c := &p.Path.Controls[i]
		row := controlRow{
			Kind: c.Kind, Tries: c.Kind.Info().Tries, Must: check.MustRefuse(p.Path.ID.Direction, c), Uncertain: c.Uncertain,
			Outcome: "not run yet", Class: string(collector.StatusWaiting),
		}
		if !slices.ContainsFunc(results, func(s collector.ControlState) bool { return s.Newest.Control.Kind == c.Kind }) {
			rows = append(rows, row)
		}
		for _, s := range results {
			if s.Newest.Control.Kind == c.Kind {
				rows = append(rows, row.with(s, now))
			}
		}
	}
	return rows
}

// with returns the row with a result.
func (row controlRow) with(s collector.ControlState, now time.Time) controlRow {
	r := s.Newest
	row.Host, row.Address, row.At = r.Host, r.Address, newTimestamp(r.At, now)
	row.Outcome, row.Class, row.Reason = string(r.Outcome), string(controlClasses[r.Outcome]), r.Reason
	row.Reply = bounded(text.Detail(probes.Step{Reply: r.Reply, Detail: r.Detail}))
	if r.Outcome == probes.ControlAdmitted {
		row.Remedy = r.Control.Kind.Info().Remedy
	}
	if s.Conclusive != nil && r.Outcome == probes.ControlInconclusive {
		row.Last, row.LastAt = string(s.Conclusive.Outcome), newTimestamp(s.Conclusive.At, now)
	}
	return row
}
