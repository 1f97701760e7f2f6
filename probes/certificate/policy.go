package certificate

import (
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// TLSStage decides the tls stage by what a connector's tls_settings require of the handshake that was recorded in t:
//
//   - no setting, EncryptionOnly: any certificate; the TLS version must be 1.2 or newer if TLS is required.
//   - CertificateValidation: also a certificate in date, a chain to a trusted root from what the server sent, and not
//     revoked.
//   - DomainValidation: also a matching name.
//
// An answer that could not be given (an unreachable revocation list) never fails the stage; the detail says so. A limit
// of this package that was reached makes the stage inconclusive.
func TLSStage(settings mailflow.TLSSettings, t *probes.TLS) probes.Step {
	if t.OldVersion && settings.RequiresTLS() {
		return probes.NewStep(probes.ReasonTLSVersion, "the server chose "+t.Version)
	}
	step := probes.NewStep("", t.Version)
	for _, v := range required(settings) {
		j := t.Verdicts[v]
		if j.Outcome == probes.Failed {
			failure := probes.NewStep(j.Reason, j.Detail)
			failure.Uncertain = j.Uncertain
			if v == probes.VerdictTrust && t.IssuerOutdated() {
				failure.Evidence = probes.EvidenceIssuerOutdated
			}
			return failure
		}
		if j.Reason == probes.ReasonProberLimit {
			return probes.NewStep(j.Reason, v.String()+" "+j.Detail)
		}
		if j.Uncertain != "" {
			step.Uncertain = j.Uncertain
		}
		if j.Outcome == probes.NotReached && j.Detail != "" {
			step.Detail = probes.Sanitise(step.Detail+"; "+v.String()+" "+j.Detail, probes.MaxDetail)
		}
	}
	return step
}

// required lists the verdicts that must not have failed.
func required(settings mailflow.TLSSettings) []probes.Verdict {
	var all []probes.Verdict
	if settings.RequiresTrustedChain() {
		all = append(all, probes.VerdictTime, probes.VerdictChain, probes.VerdictTrust, probes.VerdictRevocation)
	}
	if settings == mailflow.DomainValidation {
		all = append(all, probes.VerdictName)
	}
	return all
}
