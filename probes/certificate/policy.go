package certificate

import (
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// TLSStage decides the tls stage: whether the handshake recorded in t meets a connector's tls_settings.
//
//   - No setting accepts any TLS version and any certificate.
//   - EncryptionOnly requires TLS 1.2 or newer.
//   - CertificateValidation requires also that the leaf is valid now, that the certificates sent form a chain to a
//     trusted root, and that none of them is revoked.
//   - DomainValidation requires also that a name matches.
//
// A question without a verdict, such as that of an unreachable revocation list, never fails the stage; the detail
// mentions it. If this package reached one of its limits, the stage is inconclusive.
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
			if v == probes.VerdictTrust {
				failure.Evidence = untrustedEvidence(t)
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

// untrustedEvidence returns what is known of why the chain is not trusted.
func untrustedEvidence(t *probes.TLS) probes.Evidence {
	switch {
	case t.IssuerOutdated():
		return probes.EvidenceIssuerOutdated
	case t.Verdicts[probes.VerdictSignature].Outcome == probes.Failed:
		return probes.EvidenceWeakSignature
	}
	return ""
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
