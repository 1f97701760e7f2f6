package tlsrpt_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes/tlsrpt"
)

func TestSummariesOfAPublicReport(t *testing.T) {
	text, err := os.ReadFile("testdata/rfc8460.json")
	if err != nil {
		t.Fatal(err)
	}
	r := parse(t, string(text))
	r.Signer = "company-x.example"
	want := []tlsrpt.Summary{{
		Domain: "company-y.example", Signer: "company-x.example", Start: r.Start, End: r.End, Succeeded: 5326,
		Failures: []tlsrpt.Failure{
			{Policy: "sts", Result: "starttls-not-supported", Host: "mx2.mail.company-y.example", Sessions: 200},
			{Policy: "sts", Result: "certificate-expired", Host: "mx1.mail.company-y.example", Sessions: 100},
			{Policy: "sts", Result: "validation-failure", Host: "mx-backup.mail.company-y.example", Sessions: 3},
		},
	}}
	got := r.Summaries()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summaries (-want +got):\n%s", diff)
	}
	if n := got[0].Failed(); n != 303 {
		t.Errorf("%d sessions failed, want 303", n)
	}
}

// summaryOf returns the summary of a report with one domain.
func summaryOf(t *testing.T, details ...string) tlsrpt.Summary {
	t.Helper()
	r := parse(t, reportOf(`{"policy":{"policy-type":"sts","policy-domain":"a.example"},`+
		`"summary":{"total-successful-session-count":7},"failure-details":[`+strings.Join(details, ",")+`]}`))
	return r.Summaries()[0]
}

func failure(result, host string, sessions int64) string {
	return fmt.Sprintf(`{"result-type":%q,"receiving-mx-hostname":%q,"failed-session-count":%d}`, result, host, sessions)
}

// A sender that names a host of its own for each session cannot fill the memory, and no session gets lost.
func TestFailuresOfASummaryAreBounded(t *testing.T) {
	var details []string
	for i := range 1000 {
		details = append(details, failure(string(tlsrpt.Results[1+i%11]), strings.Repeat("a", 10_000)+fmt.Sprint(i), 2),
			failure("tlsa-invalid", fmt.Sprintf("mx%d.a.example", i), 2))
	}
	s := summaryOf(t, details...)
	if n := s.Failed(); n != 4000 {
		t.Errorf("%d failed sessions, want 4000", n)
	}
	if len(s.Failures) > 20 {
		t.Errorf("%d failures are kept, want 20", len(s.Failures))
	}
	for _, f := range s.Failures {
		if len(f.Host) > 255 {
			t.Errorf("a host of %d bytes is kept", len(f.Host))
		}
	}
}

func TestMergeKeepsTheNewestPeriod(t *testing.T) {
	monday, tuesday := summaryOf(t, failure("tlsa-invalid", "mx", 1)), summaryOf(t)
	tuesday.Start, tuesday.End = monday.Start.AddDate(0, 0, 1), monday.End.AddDate(0, 0, 1)
	if diff := cmp.Diff(tuesday, monday.Merge(&tuesday)); diff != "" {
		t.Errorf("after a newer one (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(tuesday, tuesday.Merge(&monday)); diff != "" {
		t.Errorf("after an older one (-want +got):\n%s", diff)
	}
	more := summaryOf(t, failure("tlsa-invalid", "mx", 4), failure("dane-required", "mx", 2))
	more.End = more.End.Add(time.Second)
	both := monday.Merge(&more)
	want := tlsrpt.Summary{
		Domain: "a.example", Start: monday.Start, End: more.End, Succeeded: 14, Failures: []tlsrpt.Failure{
			{Policy: "sts", Result: "tlsa-invalid", Host: "mx", Sessions: 5},
			{Policy: "sts", Result: "dane-required", Host: "mx", Sessions: 2},
		},
	}
	if diff := cmp.Diff(want, both); diff != "" {
		t.Errorf("of two reports about one day (-want +got):\n%s", diff)
	}
	if monday.Failures[0].Sessions != 1 {
		t.Error("Merge changed its receiver")
	}
}

func TestSessionsDoNotOverflow(t *testing.T) {
	s := summaryOf(t, failure("tlsa-invalid", "mx", 1))
	s.Succeeded, s.Failures[0].Sessions = math.MaxInt64-1, math.MaxInt64-1
	twice := s.Merge(&s)
	if twice.Succeeded != math.MaxInt64 || twice.Failed() != math.MaxInt64 {
		t.Errorf("%d succeeded, %d failed, want the largest number", twice.Succeeded, twice.Failed())
	}
}

func TestSummaryIsJudgedForThreeDays(t *testing.T) {
	s := summaryOf(t)
	for after, want := range map[time.Duration]bool{
		-25 * time.Hour: false, -23 * time.Hour: true, 0: true, 72 * time.Hour: true, 72*time.Hour + 1: false,
	} {
		if got := s.CurrentAt(s.End.Add(after)); got != want {
			t.Errorf("%s after the end of its period: judged %t, want %t", after, got, want)
		}
	}
}

func TestIsMicrosoft(t *testing.T) {
	for signer, want := range map[string]bool{
		"microsoft.com": true, "mail.microsoft.com": true, "notmicrosoft.com": false, "microsoft.com.example": false,
		"": false,
	} {
		if s := (tlsrpt.Summary{Signer: signer}); s.FromMicrosoft() != want {
			t.Errorf("%q: %t, want %t", signer, !want, want)
		}
	}
}
