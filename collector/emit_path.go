package collector

import (
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// path emits the series of one path: the stable ones and those of the latest round. A path that is not probed has
// none.
func (e *emitter) path(p *PathState) {
	if p.Path.NotProbed != "" || p.Path.NotProbeable != "" {
		return
	}
	id := p.Path.ID
	e.setLabels(pathIdentity(id), "")
	e.emit(probeInterval, p.Path.Settings.Interval.Seconds())
	for _, outcome := range []probes.Outcome{probes.Passed, probes.Failed, probes.Inconclusive} {
		e.emit(probesTotal, float64(p.Rounds[outcome]), outcome.String())
	}
	e.verdict(probeSuccess, p.Verdict)
	if p.Verdict == probes.Failed {
		e.emit(probeFailureInfo, 1, p.Stage.String(), string(p.Reason))
	}
	e.emitTime(probeLastRun, p.LastRun)
	e.emitTime(probeLastSuccess, p.LastSuccess)
	if p.Latest != nil {
		e.latest(p.Latest)
	}
	for _, known := range p.Endpoints {
		e.setLabels(endpointIdentity(id, EndpointKey{known.Host, known.Address}), known.Host)
		e.endpoint(known)
	}
}

// verdict emits 1 or 0 for what passed or failed, and nothing for what is undecided.
func (e *emitter) verdict(m *Metric, outcome probes.Outcome, extraLabels ...string) {
	if outcome == probes.Passed || outcome == probes.Failed {
		e.emit(m, boolToFloat(outcome == probes.Passed), extraLabels...)
	}
}

// endpoint emits what is known of an endpoint from all rounds.
func (e *emitter) endpoint(known check.Endpoint) {
	e.verdict(endpointSuccess, known.Verdict)
	if known.DANE != nil {
		e.emit(endpointDANE, 1, string(known.DANE.Status))
	}
	if known.TLS != nil {
		e.certificate("server", known.TLS)
	}
}

// certificate emits what is known of the chain that role presents.
func (e *emitter) certificate(role string, t *probes.TLS) {
	for v, judgement := range t.Verdicts {
		e.verdict(certificateValid, judgement.Outcome, role, probes.VerdictNames[v])
	}
	if !t.ChainNotAfter.IsZero() {
		e.emit(certificateNotAfter, unixSeconds(t.ChainNotAfter), role, "chain")
		e.emit(certificateNotBefore, unixSeconds(t.ChainNotBefore), role, "chain")
	}
	for _, s := range t.Stores {
		e.verdict(certificateTrusted, s.Outcome, role, s.Store)
	}
	if len(t.Chain) > 0 {
		leaf := t.Chain[0]
		e.emit(certificateNotAfter, unixSeconds(leaf.NotAfter), role, "leaf")
		e.emit(certificateNotBefore, unixSeconds(leaf.NotBefore), role, "leaf")
		e.emit(certificateInfo, 1, role, leaf.Subject, leaf.Issuer, leaf.Serial, leaf.Fingerprint)
	}
}

// latest emits what the latest round showed.
func (e *emitter) latest(r *probes.Result) {
	e.emit(probeInconclusive, boolToFloat(r.SomeInconclusive()))
	e.emit(probeDuration, r.Duration.Seconds())
	e.emit(probeEndpoints, float64(len(r.Endpoints)))
	hosts := map[string]bool{} // the endpoints of one host share its resolve stage
	for _, endpoint := range r.Endpoints {
		if !hosts[endpoint.Host] {
			hosts[endpoint.Host] = true
			e.setLabels(endpointIdentity(r.Path, EndpointKey{Host: endpoint.Host}), endpoint.Host)
			e.stage(probes.Resolve, endpoint.Steps[probes.Resolve])
		}
		e.setLabels(endpointIdentity(r.Path, KeyOf(endpoint)), endpoint.Host)
		for stage := probes.Connect; stage < probes.NumStages; stage++ {
			e.stage(stage, endpoint.Steps[stage])
		}
		e.problem(endpoint)
		if t := endpoint.TLS; t != nil && t.Version != "" {
			e.emit(tlsInfo, 1, t.Version, t.Cipher)
		}
	}
}

func (e *emitter) stage(stage probes.Stage, step probes.Step) {
	if step.Outcome == probes.Passed || step.Outcome == probes.Failed {
		e.verdict(endpointStageSuccess, step.Outcome, stage.String())
		if !step.Repeated {
			e.emit(endpointStageDuration, step.Duration.Seconds(), stage.String())
		}
	}
}

// problem emits why an endpoint did not pass.
func (e *emitter) problem(endpoint probes.Endpoint) {
	stage, step, found := endpoint.FirstProblem()
	if !found {
		return
	}
	e.emit(endpointFailureInfo, 1, stage.String(), string(step.Reason), step.Outcome.String())
	if step.Reply.Code > 0 {
		e.emit(endpointReplyCode, float64(step.Reply.Code), stage.String(), step.Reply.Enhanced)
	}
}
