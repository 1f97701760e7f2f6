package collector_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes/roundtrip"
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
