package web

import (
	"strings"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// pathRow is a path in a list: its state, and why.
type pathRow struct {
	Target, Tenant, Direction, Connector, Path string
	State                                      collector.Status
	Stage                                      string // Microsoft's name of the stage that does not pass
	Reason                                     probes.Reason
	Remedy                                     string // what to do about it
	Location                                   string // the endpoint at which it does not pass
	Detail                                     string // what happened there, redacted
	Why                                        string // why it is not probed
	Remark                                     string // how the newest round differs
	Since, LastRun                             *timestamp
	Finding                                    *finding // the finding with the same cause
}

func newPathRow(p *collector.PathState, now time.Time) pathRow {
	id := p.Path.ID
	l := pathRow{
		Target: id.String(), Tenant: id.Tenant, Direction: string(id.Direction), Connector: id.Connector, Path: id.Path,
		State: p.Status(), LastRun: newTimestamp(p.LastRun, now),
	}
	switch l.State {
	case collector.StatusNotProbed:
		l.Why = p.Path.NotProbeable
		if l.Why == "" {
			l.Why = p.Path.NotProbed
		}
		return l
	case collector.StatusFailed:
		l.Since = newTimestamp(p.Since, now)
		if p.Conclusive != nil {
			if e, stage, step, ok := p.Conclusive.Failure(); ok {
				l.problem(e, stage, step)
			}
		}
	case collector.StatusInconclusive:
		for _, e := range p.Latest.DecisiveEndpoints() {
			if stage, step, ok := e.FirstProblem(); ok {
				l.problem(e, stage, step)
				break
			}
		}
	case collector.StatusPassed:
		l.Since = newTimestamp(p.Since, now)
	}
	l.Remark = newestRoundRemark(p)
	return l
}

// isAbout reports whether a finding is about this path.
func (l *pathRow) isAbout(s check.Subject) bool {
	return l.Tenant == s.Tenant && l.Direction == string(s.Direction) && l.Connector == s.Connector && l.Path == s.Path
}

func (l *pathRow) problem(e probes.Endpoint, stage probes.Stage, step probes.Step) {
	l.Stage, l.Reason, l.Detail = probes.Stages[stage].Microsoft, step.Reason, bounded(text.Detail(step))
	l.Remedy = step.Remedy()
	l.Location = e.Host
	if a := collector.KeyOf(e).Address; a != "" {
		l.Location += " [" + a + "]"
	}
}

// newestRoundRemark describes how the newest round differs from the verdict; "" if it does not.
func newestRoundRemark(p *collector.PathState) string {
	switch {
	case p.Latest == nil:
		return ""
	case p.Latest.Provisional:
		return "The newest round failed for the first time; a second round has not confirmed it yet."
	case p.Verdict == probes.Failed && p.Latest.Outcome() == probes.Inconclusive:
		return "The newest round was inconclusive; the previous verdict holds."
	case p.Verdict == probes.Passed && p.Latest.SomePassed() && p.Latest.Outcome() == probes.Inconclusive:
		return "An endpoint was inconclusive in the newest round; the others passed."
	case p.Verdict == probes.Passed && p.Latest.Outcome() == probes.Inconclusive:
		return "The last conclusive round passed."
	default:
		return ""
	}
}

// maxShown bounds each text on a page, in bytes.
const maxShown = 1 << 10

func bounded(s string) string { return text.Truncate(s, maxShown) }

// gridRow is an endpoint with its stages.
type gridRow struct {
	Number        int // of the endpoint, for the link to it on the path's page
	Host, Address string
	Cells         [probes.NumStages]cell
}

// cell is one stage at one endpoint.
type cell struct {
	Outcome string // "" if the stage is not part of the probe
	Name    string // Microsoft's name of the stage
	Text    string
}

func gridRows(r *probes.Result) []gridRow {
	rows := make([]gridRow, 0, len(r.Endpoints))
	for n, e := range r.Endpoints {
		row := gridRow{Number: n, Host: e.Host, Address: collector.KeyOf(e).Address}
		for i, step := range e.Steps {
			c := cell{Name: probes.Stages[i].Microsoft}
			if probes.Stage(i) <= r.Until {
				c.Outcome, c.Text = step.Outcome.String(), brief(step)
			}
			row.Cells[i] = c
		}
		rows = append(rows, row)
	}
	return rows
}

func brief(s probes.Step) string {
	switch {
	case s.Outcome == probes.Passed && s.Uncertain != "":
		return "UNCERTAIN"
	case s.Outcome == probes.Passed && s.Repeated:
		return "last message"
	case s.Outcome == probes.Passed:
		return round(s.Duration)
	case s.Outcome == probes.NotReached:
		return "not reached"
	default:
		return strings.ReplaceAll(string(s.Reason), "_", " ")
	}
}

// finding is a finding, formatted for pages.
type finding struct {
	check.Finding
	Info  check.Check
	Since *timestamp
	Where string // the path's target; "" if it is not about a single path
	Until string // the last day of its suppression
}

func newFinding(f check.Finding, now time.Time) finding {
	info, _ := check.Lookup(f.Code)
	out := finding{Finding: f, Info: info, Since: newTimestamp(f.Since, now)}
	if f.Path != "" {
		out.Where = probes.PathID(f.Subject).String()
	}
	out.Evidence = make([]string, len(f.Evidence))
	for i, e := range f.Evidence {
		out.Evidence[i] = bounded(e)
	}
	if f.Suppressed != nil {
		out.Until = f.Suppressed.Expires.UTC().Add(-time.Second).Format(time.DateOnly)
	}
	return out
}
