package check_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/tlsrpt"
)

// reported is a report of yesterday about contoso.com with failed and other sessions.
func reported(signer string, succeeded, failed int64, result tlsrpt.Result) tlsrpt.Summary {
	return tlsrpt.Summary{
		Domain: "contoso.com", Signer: signer, Start: noon.Add(-36 * time.Hour), End: noon.Add(-12 * time.Hour),
		Succeeded: succeeded,
		Failures:  []tlsrpt.Failure{{Policy: "sts", Result: result, Host: "mx.contoso.com", Sessions: failed}},
	}
}

// reports gives the world summaries of TLS reports.
func reports(all ...tlsrpt.Summary) func(*world) { return func(w *world) { w.TLSReports = all } }

// agedBy is a report whose period ended longer ago.
func agedBy(s tlsrpt.Summary, d time.Duration) tlsrpt.Summary {
	s.Start, s.End = s.Start.Add(-d), s.End.Add(-d)
	return s
}

var tlsReportCases = []testCase{
	{
		"tls_report_failures", "of Exchange Online",
		reports(reported("microsoft.com", 98, 2, "certificate-expired")), "warning",
		"microsoft.com reports that 2 of 100 sessions with the MX of contoso.com failed, from 2026-11-23 00:00 UTC to " +
			"2026-11-24 00:00 UTC.\ncontoso.com, policy sts: certificate-expired, 2 sessions at mx.contoso.com. Renew",
	},
	{
		"tls_report_failures", "of every session",
		reports(reported("mail.microsoft.com", 0, 1, "tlsa-invalid")), "warning", "1 of 1 sessions",
	},
	{"tls_report_failures", "isolated", reports(reported("microsoft.com", 100, 1, "certificate-expired")), "info", ""},
	{"tls_report_failures", "of another sender", reports(reported("example.net", 0, 9, "tlsa-invalid")), "info", ""},
	{
		"tls_report_failures", "of a sender with a similar name",
		reports(reported("notmicrosoft.com", 0, 9, "tlsa-invalid")), "info", "",
	},
	{"tls_report_failures", "without failures", reports(tlsrpt.Summary{
		Domain: "contoso.com", Signer: "microsoft.com", End: noon, Succeeded: 5,
	}), "", ""},
	{
		"tls_report_failures", "of nearly three days",
		reports(agedBy(reported("microsoft.com", 0, 1, "tlsa-invalid"), 60*time.Hour)), "warning", "",
	},
	{
		"tls_report_failures", "older than three days",
		reports(agedBy(reported("microsoft.com", 0, 1, "tlsa-invalid"), 61*time.Hour)), "", "",
	},
	{
		"tls_report_failures", "of the future",
		reports(agedBy(reported("microsoft.com", 0, 1, "tlsa-invalid"), -48*time.Hour)), "", "",
	},
	{"tls_report_failures", "about a domain of no tenant", func(w *world) {
		s := reported("microsoft.com", 0, 1, "tlsa-invalid")
		s.Domain = "example.net"
		w.TLSReports = []tlsrpt.Summary{s}
	}, "", ""},
}

func TestEveryResultTypeHasARemedy(t *testing.T) {
	for _, r := range tlsrpt.Results {
		remedy := check.TLSReportRemedy(r)
		if (r == tlsrpt.Success) != (remedy == "") || remedy != "" && !strings.HasSuffix(remedy, ".") {
			t.Errorf("%s: remedy %q", r, remedy)
		}
	}
}

// What a sender wrote is bounded, and cannot change the page.
func TestTextOfTLSReportsIsSanitised(t *testing.T) {
	w := newWorld()
	s := reported("microsoft.com", 0, 1, "tlsa-invalid")
	s.Failures[0].Host = "evil\x1b[31m\n" + strings.Repeat("a", 10_000)
	w.TLSReports = []tlsrpt.Summary{s}
	all := w.run()
	i := slices.IndexFunc(all, func(f check.Finding) bool { return f.Code == "tls_report_failures" })
	if evidence := strings.Join(all[i].Evidence, "|"); len(evidence) > 1000 || strings.ContainsAny(evidence, "\x1b\n") {
		t.Errorf("evidence %q", evidence)
	}
}
