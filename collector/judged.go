package collector

import (
	"cmp"
	"maps"
	"slices"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// AnalysisMetrics is what the store's newest analysis says, as a source of series.
func (s *Store) AnalysisMetrics() Source { return judged{s} }

type judged struct{ store *Store }

func (j judged) snapshot() ([]*group, uint64) {
	d := j.store.Snapshot().Analysis.drawing()
	return slices.Clone(d.groups), d.dropped
}

func (a *Analysis) drawing() *drawing {
	a.drawn.draw(func(p *pen) { p.analysis(a) })
	return a.drawn
}

func (s *pen) analysis(a *Analysis) {
	s.findings(a)
	for _, f := range a.Findings {
		s.finding(f)
	}
	s.shared(a.Overlaps)
	for _, id := range sortedIDs(a.Attributions) {
		s.attributions(id, a.Attributions[id])
	}
	for i := range a.tenants {
		t := &a.tenants[i]
		s.about(check.Subject{Tenant: t.Name})
		for _, kind := range Changes {
			s.send(mChanges, float64(a.changes[change{t.Name, kind}]), kind)
		}
		domains := mailflow.NewDomainIndex(t.AcceptedDomains)
		for k := range t.Senders {
			id := probes.PathID{Tenant: t.Name, Direction: mailflow.Inbound, Connector: t.Senders[k].Connector, Path: t.Senders[k].Name}
			s.client(id, a.Clients[id], domains)
		}
	}
}

func sortedIDs[T any](of map[probes.PathID]T) []probes.PathID {
	return slices.SortedFunc(maps.Keys(of), func(a, b probes.PathID) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Path, b.Path))
	})
}

// findings counts, from zero, for each tenant and each of its connectors.
func (s *pen) findings(a *Analysis) {
	counts := map[check.Subject]*[len(check.Severities)]int{}
	at := func(about check.Subject) *[len(check.Severities)]int {
		about.Path = ""
		if counts[about] == nil {
			counts[about] = &[len(check.Severities)]int{}
		}
		return counts[about]
	}
	for i := range a.tenants {
		t := &a.tenants[i]
		at(check.Subject{Tenant: t.Name})
		for _, c := range t.Outbound {
			at(check.Subject{Tenant: t.Name, Direction: mailflow.Outbound, Connector: c.Name})
		}
		for _, c := range t.Inbound {
			at(check.Subject{Tenant: t.Name, Direction: mailflow.Inbound, Connector: c.Name})
		}
	}
	for _, f := range a.Findings {
		if f.Suppressed == nil {
			at(f.Subject)[f.Severity]++
		}
	}
	subjects := slices.SortedFunc(maps.Keys(counts), func(a, b check.Subject) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Connector, b.Connector))
	})
	for _, about := range subjects { // in order: of two that are the same once cleaned, the same one wins each time
		count := counts[about]
		if s.about(about) {
			for severity := check.Info; severity <= check.Critical; severity++ {
				s.send(mFindings, float64(count[severity]), severity.String())
			}
		}
	}
}

// about begins the series of a subject. Two subjects whose names are the same once cleaned are told apart by nothing: the first wins.
func (s *pen) about(a check.Subject) bool {
	return s.begin(pathIdentity(probes.PathID(a)), a.Tenant+"\x00"+a.Connector+"\x00"+a.Path)
}

func (s *pen) finding(f check.Finding) {
	if f.Suppressed != nil {
		connector := f.Subject
		connector.Path = ""
		s.about(connector)
		s.send(mSuppressed, seconds(f.Suppressed.Expires), f.Code, f.Suppressed.Owner)
		return
	}
	s.about(f.Subject)
	s.send(mFinding, 1, f.Code, f.Severity.String())
}

// shared draws addresses alone: of what else is shared, the finding tells. A connector and its sender may have the same prefix.
func (s *pen) shared(all []mailflow.Overlap) {
	type place struct{ tenant, connector, prefix string }
	drawn := map[place]bool{}
	for _, o := range all {
		at := place{o.Tenant, o.Connector, o.Value}
		if o.Kind != mailflow.OverlapAddress || drawn[at] {
			continue
		}
		drawn[at] = true
		about := check.Subject{Tenant: o.Tenant, Connector: o.Connector}
		if o.Connector != "" {
			about.Direction = mailflow.Inbound
		}
		if s.about(about) {
			s.send(mShared, float64(o.Count), o.Value)
		}
	}
}

// attributions draws what becomes of a sender's mail. The null sender has a finding of its own: no relay by address alone can carry
// it, and that is no fault of the attribution.
func (s *pen) attributions(id probes.PathID, all []mailflow.Attribution) {
	if len(all) == 0 || !s.about(check.Subject(id)) {
		return
	}
	own := true
	seen := map[[2]string]bool{}
	for _, a := range all {
		if a.Message.MailFrom == "" {
			continue
		}
		own = own && len(a.Tenants) == 1 && a.Tenants[0] == id.Tenant && a.Connector == id.Connector
		for _, tenant := range attributed(a) {
			if key := [2]string{string(a.Basis), tenant}; !seen[key] && len(seen) < maxGrounds {
				seen[key] = true
				s.send(mAttribution, 1, string(a.Basis), tenant)
			}
		}
	}
	if len(seen) > 0 {
		s.send(mAttributed, boolToFloat(own))
	}
}

// maxGrounds bounds the series of one sender's attribution.
const maxGrounds = 8

// attributed is the tenants of an attribution; none is told as an empty one.
func attributed(a mailflow.Attribution) []string {
	if len(a.Tenants) == 0 {
		return []string{""}
	}
	return a.Tenants
}

// client draws the certificate that a sender presents. It belongs to no host or address.
func (s *pen) client(id probes.PathID, t *probes.TLS, domains mailflow.DomainIndex) {
	if t == nil || !s.about(check.Subject(id)) {
		return
	}
	const role = "client"
	s.certificate(role, t)
	if len(t.Chain) == 0 {
		return
	}
	counts := map[mailflow.RelationKind]int{}
	for _, name := range t.Chain[0].Names() {
		counts[domains.Relation(name).Match]++
	}
	for _, kind := range mailflow.RelationKinds {
		s.send(mNames, float64(counts[kind]), role, string(kind))
	}
}
