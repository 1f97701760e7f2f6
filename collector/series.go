package collector

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func identityOf(id probes.PathID) identity {
	return identity{tenant: id.Tenant, connector: id.Connector, direction: string(id.Direction), path: id.Path}
}

func (s *pen) tenants(all []mailflow.Tenant) {
	for i := range all {
		s.muted = false
		s.muted = !s.begin(identity{tenant: all[i].Name}, all[i].Name)
		s.tenant(&all[i])
	}
}

// tenant draws the series of a tenant and its connectors.
func (s *pen) tenant(t *mailflow.Tenant) {
	if !t.Inventory.IsZero() {
		s.send(mInventory, seconds(t.Inventory), t.Name)
	}
	for _, c := range t.Outbound {
		s.begin(identity{tenant: t.Name, connector: c.Name, direction: string(mailflow.Outbound)}, c.Name)
		tls := string(c.TLSSettings)
		if tls == "" {
			tls = "none"
		}
		s.connector(t.Name, mailflow.Outbound, c.Common, tls)
		if c.IsValidated != mailflow.Unknown {
			s.send(mValidated, truth(c.IsValidated == mailflow.Yes), t.Name, c.Name, string(mailflow.Outbound))
		}
		if !c.LastValidation.IsZero() {
			s.send(mLastValidation, seconds(c.LastValidation), t.Name, c.Name, string(mailflow.Outbound))
		}
	}
	for _, c := range t.Inbound {
		s.begin(identity{tenant: t.Name, connector: c.Name, direction: string(mailflow.Inbound)}, c.Name)
		s.connector(t.Name, mailflow.Inbound, c.Common, "")
	}
}

func (s *pen) connector(tenant string, d mailflow.Direction, c mailflow.Common, tls string) {
	s.send(mInfo, 1, tenant, c.Name, string(d), string(c.Type), c.Source, tls)
	if c.Enabled != mailflow.Unknown {
		s.send(mEnabled, truth(c.Enabled == mailflow.Yes), tenant, c.Name, string(d))
	}
	if !c.WhenChanged.IsZero() {
		s.send(mLastChanged, seconds(c.WhenChanged), tenant, c.Name, string(d))
	}
}

func (k EndpointKey) compare(other EndpointKey) int {
	return cmp.Or(cmp.Compare(k.Host, other.Host), cmp.Compare(k.Address, other.Address))
}

// path sends the series of one path: the steady ones, then those of the newest round.
func (s *pen) path(p *PathState) {
	if p.Path.NotProbed != "" || p.Path.NotProbeable != "" {
		return // listed, not probed: it has its connector's series alone
	}
	id := p.Path.ID
	s.begin(identityOf(id), "")
	l := func(more ...string) []string {
		return append([]string{id.Tenant, id.Connector, string(id.Direction), id.Path}, more...)
	}
	s.send(mInterval, p.Path.Settings.Interval.Seconds(), l()...)
	for _, o := range []probes.Outcome{probes.Passed, probes.Failed, probes.Inconclusive} {
		s.send(mProbes, float64(p.Rounds[o]), l(o.String())...)
	}
	switch p.Verdict {
	case probes.Passed:
		s.send(mSuccess, 1, l()...)
	case probes.Failed:
		s.send(mSuccess, 0, l()...)
		s.send(mFailure, 1, l(p.Stage.String(), string(p.Reason))...)
	default: // nothing proven yet: absent
	}
	if !p.LastRun.IsZero() {
		s.send(mLastRun, seconds(p.LastRun), l()...)
	}
	if !p.LastSuccess.IsZero() {
		s.send(mLastSuccess, seconds(p.LastSuccess), l()...)
	}
	if p.Newest != nil {
		s.newest(l, p.Newest)
	}
	for _, key := range slices.SortedFunc(maps.Keys(p.Endpoints), EndpointKey.compare) {
		s.beginEndpoint(id, key)
		s.endpoint(l, key, p.Endpoints[key])
	}
}

func (s *pen) beginEndpoint(path probes.PathID, key EndpointKey) {
	id := identityOf(path)
	id.host, id.address = key.Host, key.Address
	s.begin(id, key.Host)
}

func (s *pen) newest(l func(...string) []string, r *probes.Result) {
	s.send(mInconclusive, truth(r.Outcome() == probes.Inconclusive), l()...)
	s.send(mDuration, r.Took.Seconds(), l()...)
	s.send(mEndpoints, float64(len(r.Endpoints)), l()...)
	hosts := map[string]bool{} // the endpoints of one host share its resolve
	for _, e := range r.Endpoints {
		key := KeyOf(e)
		if !hosts[e.Host] {
			hosts[e.Host] = true
			s.beginEndpoint(r.Path, EndpointKey{Host: e.Host})
			s.step(l, EndpointKey{Host: e.Host}, probes.Resolve, e.Steps[probes.Resolve])
		}
		s.beginEndpoint(r.Path, key)
		for i := probes.Connect; i < probes.NumStages; i++ {
			s.step(l, key, i, e.Steps[i])
		}
		s.outcome(l, key, e)
	}
}

func (s *pen) step(l func(...string) []string, key EndpointKey, stage probes.Stage, step probes.Step) {
	if step.Outcome == probes.Passed || step.Outcome == probes.Failed {
		s.send(mStageSuccess, truth(step.Outcome == probes.Passed), l(key.Host, key.Address, stage.String())...)
		s.send(mStageDuration, step.Took.Seconds(), l(key.Host, key.Address, stage.String())...)
	}
}

func (s *pen) outcome(l func(...string) []string, key EndpointKey, e probes.Endpoint) {
	if stage, step, problem := e.FirstProblem(); problem {
		s.send(mEndpointFailure, 1, l(e.Host, key.Address, stage.String(), string(step.Reason), step.Outcome.String())...)
		if step.Reply.Code > 0 {
			s.send(mReplyCode, float64(step.Reply.Code), l(e.Host, key.Address, stage.String(), step.Reply.Enhanced)...)
		}
	}
	if e.TLS != nil && e.TLS.Version != "" {
		s.send(mTLSInfo, 1, l(e.Host, key.Address, e.TLS.Version, e.TLS.Cipher)...)
	}
}

func (s *pen) endpoint(l func(...string) []string, key EndpointKey, e EndpointState) {
	switch e.Verdict {
	case probes.Passed, probes.Failed:
		s.send(mEndpointSuccess, truth(e.Verdict == probes.Passed), l(key.Host, key.Address)...)
	default:
	}
	if e.TLS == nil {
		return
	}
	s.certificate(func(more ...string) []string { return l(append([]string{key.Host, key.Address, "server"}, more...)...) }, e.TLS)
}

// certificate draws what is known of a certificate. l makes labels: those of the endpoint and the role come first.
func (s *pen) certificate(l func(...string) []string, t *probes.TLS) {
	for v, j := range t.Verdicts {
		if j.Outcome == probes.Passed || j.Outcome == probes.Failed {
			s.send(mValid, truth(j.Outcome == probes.Passed), l(probes.VerdictNames[v])...)
		}
	}
	if !t.ChainNotAfter.IsZero() {
		s.send(mNotAfter, seconds(t.ChainNotAfter), l("chain")...)
		s.send(mNotBefore, seconds(t.ChainNotBefore), l("chain")...)
	}
	if len(t.Chain) > 0 {
		leaf := t.Chain[0]
		s.send(mNotAfter, seconds(leaf.NotAfter), l("leaf")...)
		s.send(mNotBefore, seconds(leaf.NotBefore), l("leaf")...)
		s.send(mCertificateInfo, 1, l(leaf.Subject, leaf.Issuer, leaf.Serial, leaf.Fingerprint)...)
	}
}
