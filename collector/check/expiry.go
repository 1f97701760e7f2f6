package check

import (
	"time"

	"m365_connector_exporter/probes"
)

// expiryChecks judge the dates of certificates.
func expiryChecks() []Check {
	const validated = "critical if the connector requires a valid certificate, else at most warning"
	return []Check{
		{
			Code: "certificate_expired", Severity: Critical, Scope: ScopePath,
			Title: "A certificate has expired",
			When: "The leaf certificate, or an issuer certificate that the chain needs, has expired: " + validated +
				". Roots are not judged",
			Remedy: "Renew the certificate, and bind the new one to the SMTP service on every server with this name (or to " +
				"the send connector).",
			Source:   "450 4.7.320 CertificateExpired; MC1226222 for a sender's certificate",
			Silences: append(trustConsequences(), "certificate_untrusted", "certificate_expires_soon"),
			Find:     eachCertificate(findExpired),
		},
		{
			Code: "certificate_not_yet_valid", Severity: Critical, Scope: ScopePath,
			Title:    "A certificate is not yet valid",
			When:     "The leaf certificate, or an issuer certificate, is valid only from a later date: " + validated,
			Remedy:   "Check the certificate's dates and the clocks of both hosts.",
			Source:   "450 4.7.320 Certificate validation failed",
			Silences: append(trustConsequences(), "certificate_untrusted"),
			Find:     eachCertificate(findNotYetValid),
		},
		{
			Code: "certificate_expires_soon", Severity: Critical, Scope: ScopePath,
			Title: "A certificate expires soon",
			When: "The remaining days, and for the leaf certificate also the remaining share of its lifetime, are below the " +
				"thresholds: warning below `certificate_warning_*`, critical below `certificate_critical_*`, at most warning " +
				"if the connector does not require a valid certificate. Certificates of Exchange Online's own hosts are " +
				"Microsoft's to renew and are not judged",
			Remedy: "Renew the certificate now. Before you deploy the new one, run " +
				"`m365_connector_exporter rehearse --certificate=FILE`.",
			Source: "450 4.7.320 CertificateExpired; Exchange HealthChecker, CertificateCheck",
			Find:   eachCertificate(findExpiresSoon),
		},
	}
}

func findExpired(f *Facts, c observedCertificate, report func(Finding)) {
	if end := c.Chain[0].NotAfter; expired(f.Now, end) {
		report(newFinding("%s expired on %s.", c.describeLeaf(), day(end)).withSeverity(c.severityOfExpiry()))
	}
	if expired(f.Now, c.ChainNotAfter) {
		what := "an issuer certificate expired on " + day(c.ChainNotAfter)
		if c.IssuerOutdated() {
			what = c.Verdicts[probes.VerdictTrust].Detail // it names the certificate
		}
		report(newFinding("%s: %s.", c.describeLeaf(), what).
			withSeverity(c.severityOfExpiry()))
	}
}

func expired(now, end time.Time) bool { return !end.IsZero() && now.After(end) }

func findNotYetValid(f *Facts, c observedCertificate, report func(Finding)) {
	if begin := c.Chain[0].NotBefore; begin.After(f.Now) {
		report(newFinding("%s is valid from %s.", c.describeLeaf(), day(begin)).withSeverity(c.severityOfExpiry()))
	}
	if c.ChainNotBefore.After(f.Now) {
		report(newFinding("%s: an issuer certificate is valid from %s.", c.describeLeaf(), day(c.ChainNotBefore)).
			withSeverity(c.severityOfExpiry()))
	}
}

func findExpiresSoon(f *Facts, c observedCertificate, report func(Finding)) {
	if c.exchangeOnline {
		return
	}
	leaf := c.Chain[0]
	if s := f.Thresholds.leafSeverity(f.Now, leaf.NotBefore, leaf.NotAfter); s != Off {
		report(newFinding("%s is valid until %s.", c.describeLeaf(), day(leaf.NotAfter)).
			withSeverity(min(s, c.severityOfExpiry())).explainedBut(c.unlessReplaced()))
	}
	if s := f.Thresholds.issuerSeverity(f.Now, c.ChainNotAfter); s != Off {
		report(newFinding("%s: an issuer certificate is valid until %s.", c.describeLeaf(), day(c.ChainNotAfter)).
			withSeverity(min(s, c.severityOfExpiry())).explainedBut(renewalIncomplete))
	}
}

// unlessReplaced returns the code of renewal_incomplete for a certificate that no incomplete renewal replaces: that
// its end is near has another cause.
func (c observedCertificate) unlessReplaced() string {
	if c.endpoint != nil {
		if other, _ := c.path.incompleteRenewal(c.endpoint); other != nil {
			return ""
		}
	}
	return renewalIncomplete
}

// Expiry returns the severity of how soon the certificates that were shown expire: Critical once one has expired, Off
// while none does soon.
func (t Thresholds) Expiry(now time.Time, shown *probes.TLS) Severity {
	leaf := shown.Chain[0]
	if expired(now, leaf.NotAfter) || expired(now, shown.ChainNotAfter) {
		return Critical
	}
	return max(t.leafSeverity(now, leaf.NotBefore, leaf.NotAfter), t.issuerSeverity(now, shown.ChainNotAfter))
}

// issuerSeverity judges by the remaining days alone. It returns Off for a certificate that has expired: another check
// reports that.
func (t Thresholds) issuerSeverity(now, end time.Time) Severity {
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

// leafSeverity judges by the remaining days and the remaining share of the lifetime: a certificate that is issued for
// a week does not expire soon on its first day.
func (t Thresholds) leafSeverity(now, begin, end time.Time) Severity {
	byDays := t.issuerSeverity(now, end)
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

// severityOfExpiry returns the severity of what stops mail only if a valid certificate is demanded.
func (c observedCertificate) severityOfExpiry() Severity {
	if c.demanded {
		return Critical
	}
	return Warning
}
