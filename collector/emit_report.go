package collector

import (
	"maps"
	"slices"

	"m365_connector_exporter/collector/calendar"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// report emits the series of a report, and how many connectors changed between loads.
func (e *emitter) report(r *evaluate.Report, changes map[change]uint64) {
	e.findingCounts(r)
	for _, f := range r.Findings {
		e.finding(f)
	}
	for _, d := range r.Deadlines {
		e.deadline(d)
	}
	e.policies(r.Policies)
	for _, p := range r.Predictions {
		if e.setSubject(check.Subject(p.Path)) {
			e.emit(deliveryPrediction, 1, string(p.Mechanism), string(p.Delivery))
		}
	}
	e.sharedAddresses(r.Overlaps)
	for _, id := range slices.SortedFunc(maps.Keys(r.Attributions), probes.PathID.Compare) {
		e.attributions(id, r.Attributions[id])
	}
	for i := range r.Tenants {
		t := &r.Tenants[i]
		e.setSubject(check.Subject{Tenant: t.Name})
		for _, kind := range Changes {
			e.emit(inventoryChanges, float64(changes[change{t.Name, kind}]), kind)
		}
		domains := mailflow.NewDomainIndex(t.AcceptedDomains)
		for k := range t.Senders {
			id := evaluate.SenderPath(t.Name, &t.Senders[k])
			e.clientCertificate(id, r.Clients[id], domains)
		}
	}
}

// policies emits the MTA-STS policies of accepted domains and of next hops by MX.
func (e *emitter) policies(all []check.Policy) {
	for _, p := range all {
		if (p.Accepted || p.NextHop) && p.State.Mode != "" && e.setSubject(check.Subject{Tenant: p.Tenant}) {
			e.emit(mtaSTSInfo, 1, p.Domain, string(p.State.Mode), p.State.ID)
		}
	}
}

// setSubject sets the labels of the series that come next. It reports false for the second of two subjects whose
// names are the same once sanitized.
func (e *emitter) setSubject(s check.Subject) bool {
	return e.setLabels(pathIdentity(probes.PathID(s)), s.Tenant+"\x00"+s.Connector+"\x00"+s.Path)
}

// findingCounts emits a count, which may be 0, for each tenant and each of its connectors.
func (e *emitter) findingCounts(r *evaluate.Report) {
	counts := countFindings(r)
	subjects := slices.SortedFunc(maps.Keys(counts), func(a, b check.Subject) int {
		return probes.PathID(a).Compare(probes.PathID(b))
	})
	for _, subject := range subjects { // in order: of two with the same labels the same one is exposed each time
		if !e.setSubject(subject) {
			continue
		}
		for severity := check.Info; severity <= check.Critical; severity++ {
			e.emit(findingCount, float64(counts[subject][severity]), severity.String())
		}
	}
}

// severityCounts has the number of findings by severity.
type severityCounts [len(check.Severities)]int

// countFindings counts what is not suppressed, by tenant and connector.
func countFindings(r *evaluate.Report) map[check.Subject]*severityCounts {
	counts := map[check.Subject]*severityCounts{}
	for i := range r.Tenants {
		t := &r.Tenants[i]
		counts[check.Subject{Tenant: t.Name}] = &severityCounts{}
		for _, c := range t.Outbound {
			counts[check.Subject{Tenant: t.Name, Direction: mailflow.Outbound, Connector: c.Name}] = &severityCounts{}
		}
		for _, c := range t.Inbound {
			counts[check.Subject{Tenant: t.Name, Direction: mailflow.Inbound, Connector: c.Name}] = &severityCounts{}
		}
	}
	for _, f := range r.Findings {
		if f.Suppressed != nil {
			continue
		}
		subject := f.Subject
		subject.Path = ""
		if counts[subject] == nil {
			counts[subject] = &severityCounts{}
		}
		counts[subject][f.Severity]++
	}
	return counts
}

func (e *emitter) finding(f check.Finding) {
	if f.Suppressed != nil {
		connector := f.Subject
		connector.Path = ""
		e.setSubject(connector)
		e.emit(findingSuppressedUntil, unixSeconds(f.Suppressed.Expires), f.Code, f.Suppressed.Owner)
		return
	}
	e.setSubject(f.Subject)
	e.emit(findingInfo, 1, f.Code, f.Severity.String())
}

// sharedAddresses emits the addresses that tenants share; other overlaps are only in findings. A connector and its
// sender may share the same prefix, which is one series.
func (e *emitter) sharedAddresses(overlaps []mailflow.Overlap) {
	type place struct{ tenant, connector, prefix string }
	emitted := map[place]bool{}
	for _, o := range overlaps {
		at := place{o.Tenant, o.Connector, o.Value}
		if o.Kind != mailflow.OverlapAddress || emitted[at] {
			continue
		}
		emitted[at] = true
		subject := check.Subject{Tenant: o.Tenant, Connector: o.Connector}
		if o.Connector != "" {
			subject.Direction = mailflow.Inbound
		}
		if e.setSubject(subject) {
			e.emit(sharedAddresses, float64(o.Count), o.Value)
		}
	}
}

// maxAttributions bounds the series of one sender's attribution.
const maxAttributions = 8

// attributions emits to which tenants a sender's mail is attributed. The null sender has a finding of its own: no
// relay by address alone can carry it, which does not make the attribution wrong.
func (e *emitter) attributions(id probes.PathID, all []mailflow.Attribution) {
	if len(all) == 0 || !e.setSubject(check.Subject(id)) {
		return
	}
	type attribution struct{ basis, tenant string }
	right, seen := true, map[attribution]bool{}
	for _, a := range all {
		if a.Message.MailFrom == "" {
			continue
		}
		right = right && len(a.Tenants) == 1 && a.Tenants[0] == id.Tenant && a.Connector == id.Connector
		for _, tenant := range attributedTenants(a) {
			if key := (attribution{string(a.Basis), tenant}); !seen[key] && len(seen) < maxAttributions {
				seen[key] = true
				e.emit(attributionInfo, 1, key.basis, tenant)
			}
		}
	}
	if len(seen) > 0 {
		e.emit(attributionSuccess, boolToFloat(right))
	}
}

// attributedTenants returns the tenants of an attribution, or one with an empty name.
func attributedTenants(a mailflow.Attribution) []string {
	if len(a.Tenants) == 0 {
		return []string{""}
	}
	return a.Tenants
}

// clientCertificate emits the certificate that a sender presents. It has no host and no address.
func (e *emitter) clientCertificate(id probes.PathID, t *probes.TLS, domains mailflow.DomainIndex) {
	if t == nil || !e.setSubject(check.Subject(id)) {
		return
	}
	const role = "client"
	e.certificate(role, t)
	if len(t.Chain) == 0 || t.Chain[0].OmittedNames > 0 { // a count of a part would be wrong
		return
	}
	counts := map[mailflow.RelationKind]int{}
	for _, name := range t.Chain[0].Names() {
		counts[domains.Relation(name).Match]++
	}
	for _, kind := range mailflow.RelationKinds {
		e.emit(certificateNames, float64(counts[kind]), role, string(kind))
	}
}

// deadline emits a date that concerns a tenant or a connector. Connectors of one name in both directions share a
// series: the calendar has the earlier date.
func (e *emitter) deadline(d calendar.Deadline) {
	if e.setSubject(check.Subject{Tenant: d.Tenant, Connector: d.Connector}) {
		e.emit(deadline, unixSeconds(d.At), d.Advisory.ID)
	}
}
