package check

import (
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// demandedRule is the rule for the severity of a certificate that does not verify.
const demandedRule = "Critical if the connector requires a valid certificate (CertificateValidation, " +
	"DomainValidation; inbound TlsSenderCertificateName), else info for OnPremises connectors and not reported for " +
	"Partner ones"

// certificateChecks judge the certificates of a path: those that its servers show, and the one that its sender
// presents.
func certificateChecks() []Check {
	return append(expiryChecks(), validityChecks()...)
}

// validityChecks judge what verification found besides dates.
func validityChecks() []Check {
	return []Check{
		{
			Code: "certificate_untrusted", Severity: Critical, Scope: ScopePath,
			Title: "A certificate does not chain to a trusted root",
			When:  demandedRule,
			Remedy: "Use a certificate from a public certificate authority. If a private one is intended, set TlsSettings to " +
				"EncryptionOnly.",
			Source:   "450 4.4.317 UntrustedRoot; KB 2888788 and KB 3212877 for a sender's certificate",
			Silences: trustConsequences(),
			Find:     eachCertificate(verdictFails(probes.VerdictTrust, "does not chain to a trusted root", isUntrusted)),
		},
		{
			Code: "certificate_chain_incomplete", Severity: Critical, Scope: ScopePath,
			Title: "A certificate is sent without its intermediate certificates",
			When:  demandedRule,
			Remedy: "Install the intermediate certificates on the server so that it sends the whole chain: Exchange Online " +
				"does not fetch missing ones.",
			Source: "450 4.4.317 UntrustedRoot (fix-error-code-450-4-4-317-untrusted-root); KB 3212877 for a sender's " +
				"certificate",
			Silences: append(trustConsequences(), "certificate_untrusted"),
			Find: eachCertificate(verdictFails(probes.VerdictChain, "is sent without its intermediate certificates",
				anyFailure)),
		},
		{
			Code: "certificate_name_mismatch", Severity: Critical, Scope: ScopePath,
			Title: "A certificate does not contain the required name",
			When: "The required name is TlsDomain, or the host if TlsDomain is empty. Critical if TlsSettings is " +
				"DomainValidation, else info for OnPremises connectors and not reported for Partner ones",
			Remedy: "Get a certificate with that name, bind the right certificate to the SMTP service, or correct TlsDomain.",
			Source: "450 4.4.317 and 450 4.7.320 SubjectMismatch",
			Find:   eachCertificate(findNameMismatch),
		},
		{
			Code: "certificate_revoked", Severity: Critical, Scope: ScopePath,
			Title:    "A certificate is revoked",
			When:     demandedRule + ". Judged only if `check_revocation` is on",
			Remedy:   "Replace the certificate immediately, and find out why it was revoked.",
			Source:   "Set-OutboundConnector, TlsSettings: CertificateValidation checks revocation lists",
			Silences: append(trustConsequences(), "certificate_untrusted"),
			Find:     eachCertificate(verdictFails(probes.VerdictRevocation, "is revoked", anyFailure)),
		},
	}
}

// trustConsequences are the codes of what follows if Exchange Online does not accept the sender's certificate.
func trustConsequences() []string {
	return []string{"attribution_relay_denied", "null_sender_relay_denied", "attribution_fragile"}
}

// verdictFails returns a function that reports certificates with a failed verdict, if which includes that failure.
func verdictFails(
	v probes.Verdict, problem string, which func(observedCertificate, probes.Judgement) bool,
) func(*Facts, observedCertificate, func(Finding)) {
	return func(_ *Facts, c observedCertificate, report func(Finding)) {
		j := c.Verdicts[v]
		severity := c.severityIf(c.demanded)
		if j.Outcome == probes.Failed && which(c, j) && severity != Off {
			report(newFinding("%s %s%s.", c.describeLeaf(), problem, withDetail(j.Detail)).
				withSeverity(severity).uncertain(j.Uncertain))
		}
	}
}

func anyFailure(observedCertificate, probes.Judgement) bool { return true }

// isUntrusted leaves out what other checks report: an expired certificate in the chain, and Exchange Online's own
// certificate, which fails if this host lacks a root (prober_roots_incomplete).
func isUntrusted(c observedCertificate, j probes.Judgement) bool {
	return j.Reason != probes.ReasonCertificateExpired && !c.exchangeOnline
}

// severityIf returns the severity of a certificate that does not verify. Off: a partner's that nothing depends on.
func (c observedCertificate) severityIf(demanded bool) Severity {
	switch {
	case demanded:
		return Critical
	case c.path.ConnectorType == mailflow.OnPremises:
		return Info
	}
	return Off
}

func withDetail(detail string) string {
	if detail == "" {
		return ""
	}
	return ": " + detail
}

func findNameMismatch(_ *Facts, c observedCertificate, report func(Finding)) {
	j := c.Verdicts[probes.VerdictName]
	severity := c.severityIf(c.nameDemanded)
	if j.Outcome == probes.Failed && !c.client && severity != Off {
		report(newFinding("%s does not contain the required name%s.", c.describeLeaf(), withDetail(j.Detail)).
			withSeverity(severity).uncertain(j.Uncertain))
	}
}
