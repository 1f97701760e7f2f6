package check

import (
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// certificateChecks judge the certificates of a path: those that its servers show, and the one that its sender presents.
func certificateChecks() []Check {
	const validated = "critical where the connector demands a valid certificate, else at most warning"
	return []Check{
		{
			Code: "certificate_expired", Severity: Critical,
			Title:    "A certificate has expired",
			When:     "The leaf, or a certificate above it that the chain needs, has ended: " + validated + ". Roots are not judged",
			Remedy:   "Renew the certificate, and bind the new one to the SMTP service on every server behind this name (or to the send connector).",
			Source:   "450 4.7.320 CertificateExpired; MC1226222 for what a sender presents",
			Silences: append(trustConsequences(), "certificate_untrusted", "certificate_expires_soon"),
			Find:     eachCertificate(findExpired),
		},
		{
			Code: "certificate_not_yet_valid", Severity: Critical,
			Title:    "A certificate is not valid yet",
			When:     "The leaf, or a certificate above it, begins in the future: " + validated,
			Remedy:   "Check the certificate and the clocks of both hosts.",
			Source:   "450 4.7.320 Certificate validation failed",
			Silences: append(trustConsequences(), "certificate_untrusted"),
			Find:     eachCertificate(findNotYetValid),
		},
		{
			Code: "certificate_expires_soon", Severity: Critical,
			Title: "A certificate ends soon",
			When: "For the leaf both the share of its lifetime left and the days left are below the thresholds, for certificates above it the days alone: warning below `certificate_warning_*`, critical below `certificate_critical_*`, " +
				"at most warning where the connector demands no valid certificate. The certificates of Exchange Online's own hosts are Microsoft's to renew and are not judged",
			Remedy: "Renew the certificate now. Try the new one with `rehearse` before it is deployed.",
			Source: "450 4.7.320 CertificateExpired; Exchange HealthChecker, CertificateCheck",
			Find:   eachCertificate(findExpiresSoon),
		},
		{
			Code: "certificate_untrusted", Severity: Critical,
			Title:    "A certificate does not chain to a trusted root",
			When:     demandedRule,
			Remedy:   "Use a certificate of a public certificate authority, or set TlsSettings to EncryptionOnly if a private one is meant.",
			Source:   "450 4.4.317 UntrustedRoot; KB 2888788 and KB 3212877 for what a sender presents",
			Silences: trustConsequences(),
			Find:     eachCertificate(verdictFails(probes.VerdictTrust, "does not chain to a trusted root", isUntrusted)),
		},
		{
			Code: "certificate_chain_incomplete", Severity: Critical,
			Title:    "The intermediate certificates are not sent",
			When:     demandedRule,
			Remedy:   "Install the intermediate certificates on the server, so that the whole chain is sent: Exchange Online does not fetch them.",
			Source:   "450 4.4.317 UntrustedRoot (fix-error-code-450-4-4-317-untrusted-root); KB 3212877 for what a sender presents",
			Silences: append(trustConsequences(), "certificate_untrusted"),
			Find:     eachCertificate(verdictFails(probes.VerdictChain, "is sent without the certificates above it", nil)),
		},
		{
			Code: "certificate_name_mismatch", Severity: Critical,
			Title:  "No name in the certificate is the one that is wanted",
			When:   "The name wanted is TlsDomain, or the host where there is none. Critical where TlsSettings is DomainValidation, else info for OnPremises connectors and nothing for Partner ones",
			Remedy: "Get a certificate with that name, bind the right certificate to the SMTP service, or correct TlsDomain.",
			Source: "450 4.4.317 and 450 4.7.320 SubjectMismatch",
			Find:   eachCertificate(findNameMismatch),
		},
		{
			Code: "certificate_revoked", Severity: Critical,
			Title:    "A certificate has been revoked",
			When:     demandedRule + ". Judged where `check_revocation` is on",
			Remedy:   "Replace the certificate at once.",
			Source:   "Set-OutboundConnector, TlsSettings: CertificateValidation checks revocation lists",
			Silences: append(trustConsequences(), "certificate_untrusted"),
			Find:     eachCertificate(verdictFails(probes.VerdictRevocation, "has been revoked", nil)),
		},
	}
}

const demandedRule = "Critical where the connector demands a valid certificate (CertificateValidation, DomainValidation; inbound TlsSenderCertificateName), else info for OnPremises connectors and nothing for Partner ones"

// trustConsequences are what follows where Exchange Online does not take the sender's certificate.
func trustConsequences() []string {
	return []string{"attribution_relay_denied", "null_sender_relay_denied", "attribution_fragile"}
}

// severityIfDemanded is the severity of what stops mail only where the certificate is demanded.
func (c observedCertificate) severityIfDemanded() Severity {
	if c.demanded {
		return Critical
	}
	return Warning
}

func findExpired(f *Facts, _ *Path, c observedCertificate, report func(Finding)) {
	if end := c.Chain[0].NotAfter; expired(f.Now, end) {
		report(newFinding("%s expired on %s.", c.describeLeaf(), day(end)).withSeverity(c.severityIfDemanded()))
	}
	if expired(f.Now, c.ChainNotAfter) {
		report(newFinding("%s: a certificate above it expired on %s.", c.describeLeaf(), day(c.ChainNotAfter)).withSeverity(c.severityIfDemanded()))
	}
}

func expired(now, end time.Time) bool { return !end.IsZero() && now.After(end) }

func findNotYetValid(f *Facts, _ *Path, c observedCertificate, report func(Finding)) {
	if begin := c.Chain[0].NotBefore; begin.After(f.Now) {
		report(newFinding("%s is valid from %s on.", c.describeLeaf(), day(begin)).withSeverity(c.severityIfDemanded()))
	}
	if c.ChainNotBefore.After(f.Now) {
		report(newFinding("%s: a certificate above it is valid from %s on.", c.describeLeaf(), day(c.ChainNotBefore)).withSeverity(c.severityIfDemanded()))
	}
}

func findExpiresSoon(f *Facts, _ *Path, c observedCertificate, report func(Finding)) {
	if c.exchangeOnline {
		return
	}
	leaf := c.Chain[0]
	if s := f.Thresholds.leafExpirySeverity(f.Now, leaf.NotBefore, leaf.NotAfter); s != Off {
		report(newFinding("%s is valid until %s.", c.describeLeaf(), day(leaf.NotAfter)).withSeverity(min(s, c.severityIfDemanded())))
	}
	if s := f.Thresholds.chainExpirySeverity(f.Now, c.ChainNotAfter); s != Off {
		report(newFinding("%s: a certificate above it is valid until %s.", c.describeLeaf(), day(c.ChainNotAfter)).withSeverity(min(s, c.severityIfDemanded())))
	}
}

// chainExpirySeverity judges how near the end of a certificate above the leaf is, by days alone: what has ended is not judged here.
func (t Thresholds) chainExpirySeverity(now, end time.Time) Severity {
	left := end.Sub(now)
	switch {
	case end.IsZero() || left < 0:
		return Off
	case left < days(t.CriticalDays):
		return Critical
	case left < days(t.WarningDays):
		return Warning
	}
	return Off
}

// leafExpirySeverity judges how near the end of a leaf is: the share of its lifetime left must be low too, so that a certificate made for a
// week is not near its end from its first day on.
func (t Thresholds) leafExpirySeverity(now, begin, end time.Time) Severity {
	byDays := t.chainExpirySeverity(now, end)
	lifetime := end.Sub(begin)
	share := float64(end.Sub(now)) / float64(max(lifetime, 1))
	switch {
	case byDays == Critical && share < t.CriticalRatio:
		return Critical
	case byDays != Off && share < t.WarningRatio:
		return Warning
	}
	return Off
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// verdictFails finds certificates of which a question was answered with no. only, where given, tells which failures are meant.
func verdictFails(v probes.Verdict, what string, only func(observedCertificate, probes.Judgement) bool) func(*Facts, *Path, observedCertificate, func(Finding)) {
	return func(_ *Facts, p *Path, c observedCertificate, report func(Finding)) {
		j := c.Verdicts[v]
		if j.Outcome != probes.Failed || only != nil && !only(c, j) {
			return
		}
		if s := downgraded(p, c.demanded); s != Off {
			report(newFinding("%s %s%s.", c.describeLeaf(), what, withDetail(j.Detail)).withSeverity(s).uncertain(j.Uncertain))
		}
	}
}

// isUntrusted leaves out what other checks say: an expired certificate in the chain, and what Exchange Online itself shows, where
// prober_roots_incomplete speaks of our roots.
func isUntrusted(c observedCertificate, j probes.Judgement) bool {
	return j.Reason != probes.ReasonCertificateExpired && !c.exchangeOnline
}

// downgraded is the severity of a certificate that does not verify: nobody minds at a partner's that demands nothing.
func downgraded(p *Path, demanded bool) Severity {
	switch {
	case demanded:
		return Critical
	case p.ConnectorType == mailflow.OnPremises:
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

func findNameMismatch(_ *Facts, p *Path, c observedCertificate, report func(Finding)) {
	j := c.Verdicts[probes.VerdictName]
	if s := downgraded(p, c.nameDemanded); j.Outcome == probes.Failed && s != Off && !c.client {
		report(newFinding("%s bears another name%s.", c.describeLeaf(), withDetail(j.Detail)).withSeverity(s).uncertain(j.Uncertain))
	}
}
