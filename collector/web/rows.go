package web

import (
	"net/url"
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
		if e, stage, step, ok := firstInconclusive(p); ok {
			l.problem(e, stage, step)
		}
	case collector.StatusPassed:
		l.Since = newTimestamp(p.Since, now)
	}
	l.Remark = newestRoundRemark(p)
	return l
}

// firstInconclusive returns what first made the newest round inconclusive.
func firstInconclusive(p *collector.PathState) (probes.Endpoint, probes.Stage, probes.Step, bool) {
	for _, e := range p.Latest.DecisiveEndpoints() {
		if stage, step, ok := e.FirstProblem(); ok {
			return e, stage, step, true
		}
	}
	return probes.Endpoint{}, 0, probes.Step{}, false
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

// finding is a finding, formatted for pages.
type finding struct {
	check.Finding
	Info  check.Check
	Since *timestamp
	Where string // the path's target; "" if it is not about a single path
	Until string // the last day of its suppression
	// TenantLink is the tenant's name in an address.
	TenantLink  string
	Suppression string // YAML that suppresses it; "" if it is suppressed
}

func newFinding(f check.Finding, now time.Time) finding {
	info, _ := check.Lookup(f.Code)
	out := finding{Finding: f, Info: info, Since: newTimestamp(f.Since, now), TenantLink: url.PathEscape(f.Tenant)}
	if f.Path != "" {
		out.Where = probes.PathID(f.Subject).String()
	}
	out.Evidence = make([]string, len(f.Evidence))
	for i, e := range f.Evidence {
		out.Evidence[i] = bounded(e)
	}
	if f.Suppressed != nil {
		out.Until = f.Suppressed.Expires.UTC().Add(-time.Second).Format(time.DateOnly)
	} else {
		out.Suppression = text.Suppression(f.Key, now)
	}
	return out
}
