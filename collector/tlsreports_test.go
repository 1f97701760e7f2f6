package collector_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/tlsrpt"
)

var reportDay = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

func tlsReport(signer, id string, domains ...string) *tlsrpt.Report {
	r := &tlsrpt.Report{Signer: signer, ID: id, Start: reportDay, End: reportDay.Add(24*time.Hour - time.Second)}
	for _, domain := range domains {
		r.Policies = append(r.Policies, tlsrpt.Policy{Type: "sts", Domain: domain, Succeeded: 5, Failed: 2})
	}
	return r
}

// reportStore has the accepted domains, and a clock at noon after reportDay.
func reportStore(domains ...string) *collector.Store {
	s := collector.NewStore(func() time.Time { return reportDay.Add(36 * time.Hour) })
	t := mailflow.Tenant{Name: "contoso"}
	for _, d := range domains {
		t.AcceptedDomains = append(t.AcceptedDomains, mailflow.AcceptedDomain{Name: d})
	}
	s.SetInventory([]mailflow.Tenant{t}, nil)
	return s
}

func TestTLSReportsAreCountedOnceAndForAcceptedDomains(t *testing.T) {
	s := reportStore("Contoso.com")
	if !s.RecordTLSReport(tlsReport("microsoft.com", "1", "contoso.com")) {
		t.Error("the first report is taken for a copy")
	}
	if s.RecordTLSReport(tlsReport("microsoft.com", "1", "contoso.com")) {
		t.Error("a copy is counted again")
	}
	s.RecordTLSReport(tlsReport("microsoft.com", "2", "fabrikam.com"))
	page := tripPage(t, s)
	for _, want := range []string{
		`sessions_total{domain="contoso.com",organization="microsoft.com",result="success"} 5`,
		`sessions_total{domain="contoso.com",organization="microsoft.com",result="validation-failure"} 2`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("without %s:\n%s", want, page)
		}
	}
	if all := s.TLSReports(); strings.Contains(page, "fabrikam") || len(all) != 1 || s.RecordedTLSReports() != 1 {
		t.Errorf("a domain that is not accepted counts: %+v\n%s", all, page)
	}
}

// Anybody with a domain can sign reports about anybody.
func TestManyReportersDisplaceNeitherEachOtherNorMicrosoft(t *testing.T) {
	var domains []string
	for i := range 100 {
		domains = append(domains, fmt.Sprintf("d%d.example", i))
	}
	s := reportStore(domains...)
	for i := range 60 {
		s.RecordTLSReport(tlsReport(fmt.Sprintf("sender%d.example", i), "1", domains...))
	}
	s.RecordTLSReport(tlsReport("microsoft.com", "1", domains...))
	page := tripPage(t, s)
	for label, want := range map[string]int{
		"sender0.example": 100, "sender19.example": 100, "sender20.example": 0, "other": 100, "microsoft.com": 100,
	} {
		if n := strings.Count(page, `organization="`+label+`",result="success"`); n != want {
			t.Errorf("%d series of %s, want %d", n, label, want)
		}
	}
	if n := len(s.TLSReports()); n != 2100 {
		t.Errorf("%d summaries are kept, want 2000 and 100 of Microsoft", n)
	}
	s = reportStore("contoso.com")
	for i := range 60 {
		s.RecordTLSReport(tlsReport(fmt.Sprintf("sender%d.example", i), "1", "contoso.com"))
	}
	if n := strings.Count(tripPage(t, s), `result="success"`); n != 51 {
		t.Errorf("%d senders are labels, want 50 and other", n)
	}
}

func TestOnlyTheNewestReportOfASenderIsJudged(t *testing.T) {
	s := reportStore("contoso.com")
	failed := tlsReport("microsoft.com", "1", "contoso.com")
	failed.Start, failed.End = failed.Start.AddDate(0, 0, -1), failed.End.AddDate(0, 0, -1)
	s.RecordTLSReport(failed)
	if all := s.TLSReports(); len(all) != 1 || all[0].Failed() != 2 {
		t.Fatalf("summaries %+v, want one with failures", all)
	}
	good := tlsReport("microsoft.com", "2", "contoso.com")
	good.Policies[0].Failed = 0
	s.RecordTLSReport(good)
	if all := s.TLSReports(); len(all) != 1 || all[0].Failed() != 0 {
		t.Errorf("summaries %+v, want that of the newer report alone", all)
	}
	future := tlsReport("microsoft.com", "3", "contoso.com")
	future.Start, future.End = future.Start.AddDate(1, 0, 0), future.End.AddDate(1, 0, 0)
	s.RecordTLSReport(future)
	if all := s.TLSReports(); len(all) != 1 || all[0].Start != reportDay {
		t.Errorf("summaries %+v, want no report of the future", all)
	}
}

func TestTLSReportsOverARestart(t *testing.T) {
	s := reportStore("contoso.com")
	s.RecordTLSReport(tlsReport("microsoft.com", strings.Repeat("long", 100_000), "contoso.com"))
	var file bytes.Buffer
	if err := s.SaveTLSReports(&file); err != nil || file.Len() > 1000 {
		t.Fatalf("%d bytes, error %v: want a few bytes however long the identifier is", file.Len(), err)
	}
	restarted := reportStore("contoso.com")
	if err := restarted.RestoreTLSReports(file.Bytes()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.TLSReports(), restarted.TLSReports()); diff != "" {
		t.Errorf("summaries (-before +after):\n%s", diff)
	}
	if restarted.RecordTLSReport(tlsReport("microsoft.com", strings.Repeat("long", 100_000), "contoso.com")) {
		t.Error("a report from before the restart is counted again")
	}
	for _, text := range []string{"", "{", "[]", "{}", `{"seen":[1]}`} {
		if err := reportStore().RestoreTLSReports([]byte(text)); err == nil {
			t.Errorf("%q is restored", text)
		}
	}
	damaged := `{"seen":["x",""],"summaries":[{},{"Domain":"contoso.com","End":"1990-01-01T00:00:00Z"}]}`
	if err := restarted.RestoreTLSReports([]byte(damaged)); err != nil || len(restarted.TLSReports()) != 1 {
		t.Errorf("error %v, summaries %+v", err, restarted.TLSReports())
	}
}

// The identifiers of 10,000 reports are remembered, not more.
func TestRememberedReportsAreBounded(t *testing.T) {
	s := reportStore("contoso.com")
	for i := range 10_001 {
		s.RecordTLSReport(tlsReport("microsoft.com", fmt.Sprint(i), "contoso.com"))
	}
	if s.RecordTLSReport(tlsReport("microsoft.com", "1", "contoso.com")) {
		t.Error("the second of 10,001 reports is forgotten")
	}
	if !s.RecordTLSReport(tlsReport("microsoft.com", "0", "contoso.com")) {
		t.Error("the first of 10,001 reports is remembered")
	}
}
