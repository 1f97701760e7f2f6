package wire

import (
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// stageOutcome decides the tls stage by what the connector's tls_settings demand.
func stageOutcome(c *climb, t *probes.TLS) *probes.Step {
	settings := c.path.TLSSettings
	if t.OldVersion && settings.RequiresTLS() {
		return c.fail(probes.ReasonTLSVersion, "the server chose "+t.Version)
	}
	var asked []probes.Verdict
	if settings.RequiresTrustedChain() {
		asked = []probes.Verdict{probes.VerdictTime, probes.VerdictChain, probes.VerdictTrust, probes.VerdictRevocation}
	}
	if settings == mailflow.DomainValidation {
		asked = append(asked, probes.VerdictName)
	}
	step := passed(t.Version)
	for _, v := range asked {
		j := t.Verdicts[v]
		if j.Outcome == probes.Failed {
			bad := c.fail(j.Reason, j.Detail)
			bad.Uncertain = j.Uncertain
			return bad
		}
		if j.Uncertain != "" {
			step.Uncertain = j.Uncertain
		}
		if j.Outcome == probes.NotReached && j.Detail != "" {
			step.Detail = probes.Sanitise(step.Detail+"; "+v.String()+" "+j.Detail, maxDetail)
		}
	}
	return step
}
