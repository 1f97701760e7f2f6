package web

import (
	"time"

	"m365_connector_exporter/collector"
)

// sourceView is how a tenant's records are read from a service.
type sourceView struct {
	Read, Success *timestamp // of the newest read, and of the records in use
	Failed        string     // why the newest read failed; empty if it did not, or there was none
	Cmdlet        string     // that failed
}

// newSourceView returns the view of a tenant that is read from a service; nil for another one.
func newSourceView(v *collector.Snapshot, tenant string, now time.Time) *sourceView {
	state, live := v.Sources[tenant]
	if !live {
		return nil
	}
	view := &sourceView{Read: newTimestamp(state.Read, now), Success: newTimestamp(state.Success, now)}
	if c, failed := state.Failed(); failed {
		view.Cmdlet, view.Failed = c.Cmdlet, bounded(c.Message)
	}
	return view
}

// failed reports whether the newest read failed.
func (v *sourceView) failed() bool { return v != nil && v.Failed != "" }

// failedRead is a tenant whose newest read failed.
type failedRead struct {
	Tenant, Why string
	Success     *timestamp // of the records in use; nil: there are none
}

// failedReads lists the tenants whose newest read failed.
func failedReads(v *collector.Snapshot, now time.Time) []failedRead {
	var list []failedRead
	for i := range v.Tenants {
		name := v.Tenants[i].Name
		if view := newSourceView(v, name, now); view.failed() {
			list = append(list, failedRead{name, view.Failed, view.Success})
		}
	}
	return list
}
