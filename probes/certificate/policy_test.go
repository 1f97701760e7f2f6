package certificate

import (
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func TestTLSStage(t *testing.T) {
	verdicts := func(v probes.Verdict, j probes.Judgement) probes.TLS {
		seen := probes.TLS{Version: "TLS 1.3"}
		for v := range probes.VerdictRevocation {
			seen.Verdicts[v] = probes.Judgement{Outcome: probes.Passed}
		}
		seen.Verdicts[v] = j
		return seen
	}
	expired := verdicts(probes.VerdictTime, failed(probes.ReasonCertificateExpired, "expired"))
	mismatch := verdicts(probes.VerdictName, failed(probes.ReasonCertificateNameMismatch, "wanted x"))
	revoked := verdicts(probes.VerdictRevocation, failed(probes.ReasonCertificateRevoked, "revoked"))
	unreachable := verdicts(probes.VerdictRevocation, probes.Judgement{Detail: "not known"})
	weak := verdicts(probes.VerdictKey, failed("", "RSA 1024"))
	old := probes.TLS{Version: "TLS 1.0", OldVersion: true}
	for _, tt := range []struct {
		name     string
		settings mailflow.TLSSettings
		seen     probes.TLS
		reason   probes.Reason
		detail   string
	}{
		{"nothing demanded, expired", mailflow.Opportunistic, expired, "", "TLS 1.3"},
		{"nothing demanded, TLS 1.0", mailflow.Opportunistic, old, "", "TLS 1.0"},
		{"encryption, TLS 1.0", mailflow.EncryptionOnly, old, probes.ReasonTLSVersion, "the server chose TLS 1.0"},
		{"encryption, expired", mailflow.EncryptionOnly, expired, "", "TLS 1.3"},
		{"certificate, expired", mailflow.CertificateValidation, expired, probes.ReasonCertificateExpired, "expired"},
		{"certificate, another name", mailflow.CertificateValidation, mismatch, "", "TLS 1.3"},
		{"domain, another name", mailflow.DomainValidation, mismatch, probes.ReasonCertificateNameMismatch, "wanted x"},
		{"domain, revoked", mailflow.DomainValidation, revoked, probes.ReasonCertificateRevoked, "revoked"},
		{"domain, revocation unknown", mailflow.DomainValidation, unreachable, "", "TLS 1.3; revocation not known"},
		{"domain, weak key", mailflow.DomainValidation, weak, "", "TLS 1.3"},
	} {
		got := TLSStage(tt.settings, &tt.seen)
		if got.Reason != tt.reason || got.Detail != tt.detail || (got.Outcome == probes.Passed) != (tt.reason == "") {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// What keeps the chain from being trusted selects the remedy.
func TestTLSStageEvidence(t *testing.T) {
	untrusted := failed(probes.ReasonCertificateUntrusted, "unknown authority")
	for _, tt := range []struct {
		name             string
		trust, signature probes.Judgement
		want             probes.Evidence
	}{
		{"an unknown root", untrusted, probes.Judgement{Outcome: probes.Passed}, ""},
		{"SHA-1", untrusted, failed("", "CA is signed with SHA1-RSA"), probes.EvidenceWeakSignature},
		{
			"an expired intermediate", failed(probes.ReasonCertificateExpired, "the issuer certificate expired"),
			probes.Judgement{Outcome: probes.Passed},
			probes.EvidenceIssuerOutdated,
		},
	} {
		var seen probes.TLS
		seen.Verdicts[probes.VerdictTrust], seen.Verdicts[probes.VerdictSignature] = tt.trust, tt.signature
		if got := TLSStage(mailflow.CertificateValidation, &seen); got.Evidence != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got.Evidence, tt.want)
		}
	}
}
