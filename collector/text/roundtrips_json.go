package text

import (
	"io"
	"time"

	"m365_connector_exporter/probes/roundtrip"
)

// The JSON of round trips: an array with one object each. Times are RFC 3339 in UTC, durations seconds. Absent is
// unknown or does not apply.
type (
	roundTripJSON struct {
		Tenant      string            `json:"tenant"`
		RoundTrip   string            `json:"round_trip"`
		UnderWay    time.Time         `json:"under_way_since,omitzero"`
		NotHanded   string            `json:"not_handed_over,omitempty"` // why the message under way could not be yet
		LastSent    time.Time         `json:"last_sent,omitzero"`
		Received    time.Time         `json:"last_received,omitzero"`
		PausedUntil time.Time         `json:"paused_until,omitzero"`
		PauseReason string            `json:"pause_reason,omitempty"`
		Newest      *tripMessageJSON  `json:"newest,omitempty"`  // message whose outcome is known
		History     []tripOutcomeJSON `json:"history,omitempty"` // the oldest first
	}
	tripOutcomeJSON struct {
		Sent    time.Time `json:"sent"`
		Outcome string    `json:"outcome"`
		Seconds float64   `json:"duration_seconds,omitempty"` // absent if it did not arrive
	}
	tripMessageJSON struct {
		tripOutcomeJSON

		Facts      []string          `json:"facts"` // sentences, as the page has them
		Mismatches []mismatchJSON    `json:"mismatches,omitempty"`
		Reason     string            `json:"reason,omitempty"`
		Remedy     string            `json:"remedy,omitempty"`
		Problem    string            `json:"problem,omitempty"` // why it was not handed over
		DSN        *notificationJSON `json:"notification,omitempty"`
		TenantID   string            `json:"attributed_tenant_id,omitempty"`
		TenantName string            `json:"attributed_tenant,omitempty"` // if it is configured
		Origin     string            `json:"origin,omitempty"`
		Connecting string            `json:"connecting_address,omitempty"`
		Helo       string            `json:"helo,omitempty"`
		Verdict    string            `json:"sfv,omitempty"`
		Confidence string            `json:"scl,omitempty"`
		Results    []string          `json:"authentication_results,omitempty"`
		Hops       []hopJSON         `json:"hops,omitempty"` // in the order of travel
	}
	mismatchJSON struct {
		Field string `json:"field"`
		Got   string `json:"got"`
		Want  string `json:"want"`
	}
	notificationJSON struct {
		Reporting  string `json:"reporting_server,omitempty"`
		Remote     string `json:"remote_server,omitempty"`
		Status     string `json:"status,omitempty"`
		Diagnostic string `json:"diagnostic,omitempty"`
	}
	hopJSON struct {
		By    string    `json:"by,omitempty"`
		From  string    `json:"from,omitempty"`
		With  string    `json:"with,omitempty"`
		TLS   string    `json:"tls_version,omitempty"`
		Time  time.Time `json:"time,omitzero"`
		Delay float64   `json:"delay_seconds,omitempty"` // after the hop before, by two clocks
	}
)

// RoundTripsJSON prints round trips for programs.
func RoundTripsJSON(w io.Writer, all []roundtrip.Status) error {
	out := make([]roundTripJSON, 0, len(all))
	for i := range all {
		t := &all[i]
		j := roundTripJSON{
			Tenant: printableLines(t.Plan.Tenant), RoundTrip: printableLines(t.Plan.Name),
			UnderWay: t.UnderWay.UTC(), NotHanded: RoundTripText(t.NotHanded),
			LastSent: t.LastSent.UTC(), Received: t.LastReceived.UTC(),
			PausedUntil: t.PausedUntil.UTC(), PauseReason: t.PauseReason,
		}
		for _, o := range t.History {
			j.History = append(j.History, tripOutcomeOf(o))
		}
		if t.Newest != nil {
			j.Newest = tripMessageOf(t)
		}
		out = append(out, j)
	}
	return encode(w, out)
}

func tripOutcomeOf(o roundtrip.Outcomed) tripOutcomeJSON {
	return tripOutcomeJSON{Sent: o.Sent.UTC(), Outcome: string(o.Outcome), Seconds: o.Duration.Seconds()}
}

func tripMessageOf(t *roundtrip.Status) *tripMessageJSON {
	n := t.Newest
	trace := &n.Trace
	m := &tripMessageJSON{
		tripOutcomeJSON: tripOutcomeOf(roundtrip.Outcomed{Sent: n.Sent, Outcome: n.Outcome, Duration: n.Duration}),
		Facts:           RoundTripFacts(t), Reason: string(n.Refusal.Reason),
		Remedy:   n.Refusal.Reason.RemedyFor(n.Refusal.Evidence),
		TenantID: trace.TenantID, TenantName: printableLines(t.Tenants[trace.TenantID]),
		Origin: string(trace.Origin), Helo: RoundTripText(trace.Helo),
		Verdict: RoundTripText(trace.SpamVerdict), Confidence: trace.SpamConfidence,
	}
	if trace.Connecting.IsValid() {
		m.Connecting = trace.Connecting.WithZone("").String()
	}
	if d := n.DSN; d == nil {
		m.Problem = RoundTripText(n.Refusal.Text)
	} else {
		m.DSN = &notificationJSON{
			RoundTripText(d.ReportingServer), RoundTripText(d.RemoteServer), RoundTripText(d.Status),
			RoundTripText(d.Diagnostic),
		}
	}
	for _, x := range n.Mismatches {
		m.Mismatches = append(m.Mismatches, mismatchJSON{x.Field, RoundTripText(x.Got), RoundTripText(x.Want)})
	}
	for _, r := range trace.AuthenticationResults {
		m.Results = append(m.Results, RoundTripText(r))
	}
	for i := range trace.Hops {
		h := &trace.Hops[i]
		m.Hops = append(m.Hops, hopJSON{
			By: RoundTripText(h.By), From: RoundTripText(h.From), With: RoundTripText(h.With), TLS: RoundTripText(h.TLS),
			Time: h.Time.UTC(), Delay: h.Delay.Seconds(),
		})
	}
	return m
}
