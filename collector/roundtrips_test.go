package collector_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/tlsrpt"
)

func tripPage(t *testing.T, s *collector.Store) string {
	t.Helper()
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	return written(t, collector.NewGatherer(nil, nil, s.RoundTripMetrics()), format)
}

func TestRoundTripMetrics(t *testing.T) {
	s := collector.NewStore(time.Now)
	trip := roundtrip.Trip{Tenant: "contoso", Name: "hybrid"}
	newest := roundtrip.Finished{
		Trip: trip, Sent: time.Unix(100, 0), Outcome: roundtrip.Late, Duration: time.Minute,
		Trace: roundtrip.Trace{TenantID: "an-id", Origin: roundtrip.OriginHosted},
	}
	s.RecordRoundTrip(newest)
	s.SetRoundTrips([]roundtrip.Status{{
		Plan: roundtrip.Plan{Trip: trip}, Newest: &newest, LastSent: time.Unix(200, 0), LastReceived: time.Unix(160, 0),
	}})
	page := tripPage(t, s)
	for _, want := range []string{
		`m365_connector_round_trip_success{round_trip="hybrid",tenant="contoso"} 0`,
		`m365_connector_round_trip_outcome_info{outcome="late",round_trip="hybrid",tenant="contoso"} 1`,
		`m365_connector_round_trips_total{outcome="late",round_trip="hybrid",tenant="contoso"} 1`,
		`m365_connector_round_trips_total{outcome="lost",round_trip="hybrid",tenant="contoso"} 0`,
		`m365_connector_round_trip_last_sent_timestamp_seconds{round_trip="hybrid",tenant="contoso"} 200`,
		`m365_connector_round_trip_last_received_timestamp_seconds{round_trip="hybrid",tenant="contoso"} 160`,
		`m365_connector_round_trip_attribution_info{attributed_tenant_id="an-id",origin="hosted",round_trip="hybrid",` +
			`tenant="contoso"} 1`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("without %s:\n%s", want, page)
		}
	}
	if len(s.RoundTrips()) != 1 {
		t.Errorf("%d round trips, want 1", len(s.RoundTrips()))
	}
	s.SetRoundTrips(nil)
	if page := tripPage(t, s); strings.Contains(page, "hybrid") {
		t.Errorf("series of a round trip that is gone:\n%s", page)
	}
}

func tlsReport(signer, id, domain string) *tlsrpt.Report {
	return &tlsrpt.Report{Signer: signer, ID: id, Policies: []tlsrpt.Policy{{Domain: domain, Succeeded: 5, Failed: 2}}}
}

func TestTLSReportsAreCountedOnceAndForAcceptedDomains(t *testing.T) {
	s := collector.NewStore(time.Now)
	s.SetInventory([]mailflow.Tenant{
		{Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "Contoso.com"}}},
	}, nil)
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
	if strings.Contains(page, "fabrikam") {
		t.Errorf("sessions of a domain that is not accepted:\n%s", page)
	}
	for i := range 60 {
		s.RecordTLSReport(tlsReport(fmt.Sprintf("sender%d.example", i), "1", "contoso.com"))
	}
	page = tripPage(t, s)
	if n := strings.Count(page, `result="success"`); n != 51 || !strings.Contains(page, `organization="other"`) {
		t.Errorf("%d senders are labels, want 50 and other", n)
	}
}
