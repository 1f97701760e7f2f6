package check

import (
	"fmt"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/tlsrpt"
)

// isolatedFailures is the share of sessions below which failures are isolated: a network loses some connections.
const isolatedFailures = 0.01

// maxReportText is the maximum length of a text from a report, in bytes.
const maxReportText = 100

// tlsReportChecks judge what senders report about TLS on the way to the MX of accepted domains.
func tlsReportChecks() []Check {
	return []Check{{
		Code: "tls_report_failures", Severity: Warning, Scope: ScopeTenant,
		Title: "Exchange Online reports that TLS fails on the way to an MX of the tenant",
		When: "In the newest TLS report (RFC 8460) that Microsoft signed about an accepted domain, at least one session of " +
			"100 failed. With fewer failures, and in reports of other senders, which anyone can sign: info. A " +
			"report is judged until a newer one of the same sender arrives, at most for 72 hours after the end of its " +
			"period. Not judged without `sink.tls_reports`",
		Remedy: "The evidence names the result type and what to do about it. If the policy is tlsa or sts, Exchange Online " +
			"holds the mail for 24 hours and then returns it, so correct it within that time. Microsoft's reports often name " +
			"no specific result type (validation-failure): then compare the certificate of the MX with the policy that the " +
			"evidence names.",
		Source: "RFC 8460, section 4.3; how-smtp-dane-works; enhancing-mail-flow-with-mta-sts",
		Find:   findTLSReportFailures,
	}}
}

func findTLSReportFailures(f *Facts, report func(Finding)) {
	failed := map[string][]*tlsrpt.Summary{}
	for i := range f.TLSReports {
		if s := &f.TLSReports[i]; s.Failed() > 0 && s.CurrentAt(f.Now) {
			failed[s.Domain] = append(failed[s.Domain], s)
		}
	}
	if len(failed) == 0 {
		return
	}
	eachTenant(func(_ *Facts, t *tenant, report func(Finding)) {
		for _, d := range t.AcceptedDomains {
			domain, _ := mailflow.NormaliseDomain(d.Name)
			for _, s := range failed[domain] {
				report(tlsReportFinding(s))
			}
		}
	})(f, report)
}

// tlsReportFinding words a summary with failures.
func tlsReportFinding(s *tlsrpt.Summary) Finding {
	sessions := s.Failed() + s.Succeeded
	one := newFinding("%s reports that %d of %d sessions with the MX of %s failed, from %s to %s.",
		probes.Sanitise(s.Signer, maxReportText), s.Failed(), sessions, s.Domain, day(s.Start), day(s.End))
	for _, failure := range s.Failures {
		at := ""
		if failure.Host != "" {
			at = " at " + probes.Sanitise(failure.Host, maxReportText)
		}
		one.Evidence = append(one.Evidence, fmt.Sprintf("%s, policy %s: %s, %d sessions%s. %s",
			s.Domain, failure.Policy, failure.Result, failure.Sessions, at, TLSReportRemedy(failure.Result)))
	}
	return one.withSeverity(TLSReportSeverity(s))
}

// TLSReportSeverity returns how much a report matters: Off without failures.
func TLSReportSeverity(s *tlsrpt.Summary) Severity {
	failed := float64(s.Failed())
	switch {
	case failed == 0:
		return Off
	case !s.FromMicrosoft() || failed < isolatedFailures*(failed+float64(s.Succeeded)):
		return Info
	}
	return Warning
}

// TLSReportRemedy returns what to do about sessions with a result, in whole sentences.
func TLSReportRemedy(r tlsrpt.Result) string { return tlsReportRemedies[r] }

// tlsReportRemedies has every result type of RFC 8460, section 4.3.
var tlsReportRemedies = map[tlsrpt.Result]string{
	"starttls-not-supported": "Configure the MX to offer STARTTLS to Exchange Online's addresses; a firewall that " +
		"inspects SMTP may remove it.",
	"certificate-host-mismatch": "Give the MX a certificate with its own host name, or correct the names in the MX " +
		"records and in the policy.",
	"certificate-expired":     "Renew the certificate of the MX on every server behind the name.",
	"certificate-not-trusted": "Install a public authority's certificate on the MX, with its intermediate certificates.",
	tlsrpt.ValidationFailure: "The report does not name the cause: probe the MX with validate, and compare its " +
		"certificate with the policy.",
	"tlsa-invalid": "Correct the TLSA records of the MX: none matches its certificate. Publish the record of a new " +
		"certificate before the certificate is used.",
	"dnssec-invalid":         "Correct DNSSEC of the zone of the MX: its answers do not validate.",
	"dane-required":          "Publish TLSA records for every MX, signed by DNSSEC: the sender requires DANE.",
	"sts-policy-fetch-error": "Serve the policy at https://mta-sts.DOMAIN/.well-known/mta-sts.txt, without a redirect.",
	"sts-policy-invalid":     "Correct the MTA-STS policy: it does not parse, or does not list the MX.",
	"sts-webpki-invalid":     "Renew or correct the certificate of the host mta-sts.DOMAIN.",
}
