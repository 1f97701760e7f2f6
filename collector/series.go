package collector

import (
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func boolToFloat(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func tenantIdentity(tenant string) (id identity) {
	id[idTenant] = tenant
	return id
}

func connectorIdentity(tenant, connector string, d mailflow.Direction) identity {
	id := tenantIdentity(tenant)
	id[idConnector], id[idDirection] = connector, string(d)
	return id
}

func pathIdentity(p probes.PathID) identity {
	id := connectorIdentity(p.Tenant, p.Connector, p.Direction)
	id[idPath] = p.Path
	return id
}

func endpointIdentity(p probes.PathID, key EndpointKey) identity {
	id := pathIdentity(p)
	id[idHost], id[idAddress] = key.Host, key.Address
	return id
}

// tenants draws the series of tenants and their connectors.
func (s *pen) tenants(all []mailflow.Tenant) {
	for i := range all {
		s.muted = false
		s.muted = !s.begin(tenantIdentity(all[i].Name), all[i].Name)
		s.tenant(&all[i])
	}
}

func (s *pen) tenant(t *mailflow.Tenant) {
	if !t.InventoryTime.IsZero() {
		s.send(mInventory, seconds(t.InventoryTime))
	}
	for _, c := range t.Outbound {
		tls := string(c.TLSSettings)
		if tls == "" {
			tls = "none"
		}
		s.connector(t.Name, mailflow.Outbound, c.Common, tls)
		if c.IsValidated != mailflow.Unknown {
			s.send(mValidated, boolToFloat(c.IsValidated == mailflow.Yes))
		}
		if !c.LastValidation.IsZero() {
			s.send(mLastValidation, seconds(c.LastValidation))
		}
	}
	for _, c := range t.Inbound {
		s.connector(t.Name, mailflow.Inbound, c.Common, "")
	}
}

func (s *pen) connector(tenant string, d mailflow.Direction, c mailflow.Common, tls string) {
	s.begin(connectorIdentity(tenant, c.Name, d), c.Name)
	s.send(mInfo, 1, string(c.Type), c.Source, tls)
	if c.Enabled != mailflow.Unknown {
		s.send(mEnabled, boolToFloat(c.Enabled == mailflow.Yes))
	}
	if !c.WhenChanged.IsZero() {
		s.send(mLastChanged, seconds(c.WhenChanged))
	}
}

// path draws the series of one path: the steady ones and those of the newest round.
func (s *pen) path(p *PathState) {
	if p.Path.NotProbed != "" || p.Path.NotProbeable != "" {
		return // listed, not probed: it has its connector's series alone
	}
	id := p.Path.ID
	s.begin(pathIdentity(id), "")
	s.send(mInterval, p.Path.Settings.Interval.Seconds())
	for _, o := range []probes.Outcome{probes.Passed, probes.Failed, probes.Inconclusive} {
		s.send(mProbes, float64(p.Rounds[o]), o.String())
	}
	switch p.Verdict {
	case probes.Passed:
		s.send(mSuccess, 1)
	case probes.Failed:
		s.send(mSuccess, 0)
		s.send(mFailure, 1, p.Stage.String(), string(p.Reason))
	default: // nothing proven yet: absent
	}
	if !p.LastRun.IsZero() {
		s.send(mLastRun, seconds(p.LastRun))
	}
	if !p.LastSuccess.IsZero() {
		s.send(mLastSuccess, seconds(p.LastSuccess))
	}
	if p.Latest != nil {
		s.send(mEndpoints, float64(len(p.Latest.Endpoints)))
		s.newest(p.Latest)
	}
	for _, e := range p.Endpoints {
		s.begin(endpointIdentity(id, EndpointKey{e.Host, e.Address}), e.Host)
		s.endpoint(e)
	}
}

func (s *pen) newest(r *probes.Result) {
	s.send(mInconclusive, boolToFloat(r.Outcome() == probes.Inconclusive))
	s.send(mDuration, r.Duration.Seconds())
	hosts := map[string]bool{} // the endpoints of one host share its resolve
	for _, e := range r.Endpoints {
		if !hosts[e.Host] {
			hosts[e.Host] = true
			s.begin(endpointIdentity(r.Path, EndpointKey{Host: e.Host}), e.Host)
			s.step(probes.Resolve, e.Steps[probes.Resolve])
		}
		s.begin(endpointIdentity(r.Path, KeyOf(e)), e.Host)
		for i := probes.Connect; i < probes.NumStages; i++ {
			s.step(i, e.Steps[i])
		}
		s.outcome(e)
	}
}

func (s *pen) step(stage probes.Stage, step probes.Step) {
	if step.Outcome == probes.Passed || step.Outcome == probes.Failed {
		s.send(mStageSuccess, boolToFloat(step.Outcome == probes.Passed), stage.String())
		s.send(mStageDuration, step.Duration.Seconds(), stage.String())
	}
}

func (s *pen) outcome(e probes.Endpoint) {
	if stage, step, problem := e.FirstProblem(); problem {
		s.send(mEndpointFailure, 1, stage.String(), string(step.Reason), step.Outcome.String())
		if step.Reply.Code > 0 {
			s.send(mReplyCode, float64(step.Reply.Code), stage.String(), step.Reply.Enhanced)
		}
	}
	if e.TLS != nil && e.TLS.Version != "" {
		s.send(mTLSInfo, 1, e.TLS.Version, e.TLS.Cipher)
	}
}

func (s *pen) endpoint(e check.Endpoint) {
	if e.Verdict == probes.Passed || e.Verdict == probes.Failed {
		s.send(mEndpointSuccess, boolToFloat(e.Verdict == probes.Passed))
	}
	if e.TLS != nil {
		s.certificate("server", e.TLS)
	}
}

// certificate draws what is known of the chain that role shows.
func (s *pen) certificate(role string, t *probes.TLS) {
	for v, j := range t.Verdicts {
		if j.Outcome == probes.Passed || j.Outcome == probes.Failed {
			s.send(mValid, boolToFloat(j.Outcome == probes.Passed), role, probes.VerdictNames[v])
		}
	}
	if !t.ChainNotAfter.IsZero() {
		s.send(mNotAfter, seconds(t.ChainNotAfter), role, "chain")
		s.send(mNotBefore, seconds(t.ChainNotBefore), role, "chain")
	}
	if len(t.Chain) > 0 {
		leaf := t.Chain[0]
		s.send(mNotAfter, seconds(leaf.NotAfter), role, "leaf")
		s.send(mNotBefore, seconds(leaf.NotBefore), role, "leaf")
		s.send(mCertificateInfo, 1, role, leaf.Subject, leaf.Issuer, leaf.Serial, leaf.Fingerprint)
	}
}
