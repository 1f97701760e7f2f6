package web

import (
	"cmp"
	"slices"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

// senderState is whether a sender's mail is attributed to its own tenant, for a page that names no other tenant.
type senderState struct {
	Target, Tenant, Connector, Sender string
	OK                                bool // every simulated message is attributed to the tenant, through the connector
	Fragile                           bool // only by a weak criterion
	Assumed                           bool // no sender is configured
}

// State returns the class and the outcome that stand for it.
func (s senderState) State() collector.Status {
	if s.OK {
		return collector.StatusPassed
	}
	return collector.StatusFailed
}

// senderStates returns the senders of one tenant, or of all tenants of the snapshot if it is "": those first whose mail
// is not attributed to their tenant.
func senderStates(v *collector.Snapshot, tenant string) []senderState {
	report := reportOf(v)
	shown := map[string]bool{tenant: true}
	for i := range v.Tenants {
		shown[v.Tenants[i].Name] = tenant == "" || v.Tenants[i].Name == tenant
	}
	var all []senderState
	for i := range report.Tenants {
		t := &report.Tenants[i]
		if !shown[t.Name] {
			continue
		}
		for k := range t.Senders {
			id := evaluate.SenderPath(t.Name, &t.Senders[k])
			if one, ok := newSenderState(report, id); ok {
				one.Assumed = t.Senders[k].Assumed
				all = append(all, one)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b senderState) int { return cmp.Compare(a.State(), b.State()) })
	return all
}

// newSenderState reports false if the sender's mail is not simulated.
func newSenderState(report *evaluate.Report, id probes.PathID) (senderState, bool) {
	attributions := report.Attributions[id]
	one := senderState{
		Target: id.String(), Tenant: id.Tenant, Connector: id.Connector, Sender: id.Path, OK: len(attributions) > 0,
	}
	for _, a := range attributions {
		row := newMessageRow(a, pathRow{Tenant: id.Tenant, Connector: id.Connector})
		one.OK = one.OK && row.State != collector.StatusFailed
		one.Fragile = one.Fragile || a.Risk != ""
	}
	return one, len(attributions) > 0
}
