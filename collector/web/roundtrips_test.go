package web_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/roundtrip"
)

func TestRoundTripsPage(t *testing.T) {
	s := gallery()
	w := get(s.handler(), "/round-trips")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "No round trip is configured.") {
		t.Errorf("without round trips: %d %s", w.Code, w.Body)
	}
	plan := func(tenant, name string) roundtrip.Plan {
		return roundtrip.Plan{Trip: roundtrip.Trip{Tenant: tenant, Name: name}, DailyLimit: 200}
	}
	misrouted := &roundtrip.Finished{
		Sent: noon.Add(-time.Hour), Outcome: roundtrip.Misrouted, Duration: 7 * time.Second,
		Mismatches: []roundtrip.Mismatch{{Field: "tenant", Got: "a-guid", Want: "another-guid"}},
		Trace: roundtrip.Trace{
			TenantID: "a-guid", Origin: roundtrip.OriginHosted, Connecting: netip.MustParseAddr("192.0.2.7"), Helo: evil,
			SpamVerdict: "NSPM", SpamConfidence: "1", AuthenticationResults: []string{"spf=pass " + evil + " joe@contoso.com"},
			Hops: []roundtrip.Hop{
				{By: "first" + evil, Time: noon},
				{By: "second", Time: noon.Add(-4 * time.Second), Delay: -4 * time.Second},
				{By: "third", Delay: 9 * time.Second, Time: noon, TLS: "TLS 1.3"},
			},
		},
	}
	returned := &roundtrip.Finished{
		Sent: noon, Outcome: roundtrip.Returned,
		Refusal: roundtrip.Refusal{
			Text: "5.7.64 550 no " + evil + " for joe@contoso.com", Reason: probes.ReasonProberRejected,
		},
		DSN: &roundtrip.DSN{
			ReportingServer: "mx.example", Status: "5.7.64", Diagnostic: "550 no " + evil + " for joe@contoso.com",
		},
	}
	names := map[string]string{"another-guid": "contoso" + evil}
	s.trips = []roundtrip.Status{
		{Plan: plan("contoso", "hybrid"), Newest: misrouted, Tenants: names, SentInOneDay: 3, History: []roundtrip.Outcomed{
			{Sent: noon.Add(-2 * time.Hour), Outcome: roundtrip.Delivered, Duration: time.Second},
			{Sent: noon.Add(-time.Hour), Outcome: roundtrip.Misrouted, Duration: 7 * time.Second},
		}},
		{Plan: plan("contoso", "servers"), Newest: returned, PausedUntil: noon.Add(time.Hour), PauseReason: "mail loops"},
		{Plan: plan("fabrikam", "new"), UnderWay: noon.Add(-time.Minute), NotHanded: "connect_refused"},
	}
	for url, want := range map[string][]string{
		"/round-trips": {
			"3 round trips; the newest message of 2 did not arrive as expected.", "misrouted",
			"The tenant is a-guid; contoso", "(another-guid) is expected.", "spf=pass",
			"It took 7", "attributed it to tenant a-guid, origin hosted",
			"handed it to Exchange Online was 192.0.2.7", "SFV NSPM, SCL 1", "−4s (clocks differ)", "9s", "TLS 1.3",
			"3 messages in the last 24 hours, at most 200.", "1 passed, 1 failed",
			"mx.example returned it: 5.7.64 550 no", "Reason: the server refused this exporter",
			"apply to the returning server", "mail loops",
			"A message has been under way for 60 s.", "It could not be handed over yet: connect_refused.",
		},
		"/round-trips?tenant=fabrikam": {"1 round trip.", "fabrikam"},
		"/round-trips?q=nothing":       {"0 round trips.", "No round trip matches."},
	} {
		w := get(s.handler(), url)
		for _, text := range want {
			if w.Code != 200 || !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s: %d, without %q: %s", url, w.Code, text, w.Body)
			}
		}
		if body := w.Body.String(); strings.Contains(body, evil) || strings.Contains(body, "joe@") {
			t.Errorf("%s: unescaped text, or a mail address", url)
		}
	}
}
