package web

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/roundtrip"
)

const roundTripsPerPage = 50

// roundTripsPage lists the round trips, with the newest message of each.
type roundTripsPage struct {
	Level, Headline string
	Filter          filter
	Trips           []roundTripView
	Part            pageRange
	TLSReports      tlsReportsPart
}

// roundTripView is one round trip.
type roundTripView struct {
	Tenant, Name string
	Outcome      string // of the newest message; "waiting" before the first
	Status       collector.Status
	Facts        []string
	Sent         *timestamp
	Hops         []hopView
	Results      []string // Authentication-Results
	History      *historyPage
}

// hopView is one server on the way, with text that is safe to show.
type hopView struct {
	From, By, With, TLS string
	At                  *timestamp
	Delay               string
}

const maxHopText = 200

func (s *Site) roundTrips(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r, "q", "tenant", "page", "refresh")
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	all := s.selectRoundTrips(f)
	page := &roundTripsPage{Filter: f, Part: paginate(len(all), roundTripsPerPage, f.Page)}
	page.Headline, page.Level = roundTripsHeadline(all)
	page.TLSReports = s.tlsReports(&f)
	for i := range all[page.Part.From:page.Part.To] {
		page.Trips = append(page.Trips, newRoundTripView(&all[page.Part.From+i], s.Now()))
	}
	s.render(w, "roundtrips", layoutData{Title: "Round trips", Page: page})
}

// roundTripsJSON lists the round trips of the tenants that ?tenant= selects.
func (s *Site) roundTripsJSON(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r, "tenant")
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	writeJSON(w, func(w io.Writer) error { return text.RoundTripsJSON(w, s.selectRoundTrips(f)) })
}

// selectRoundTrips returns the round trips that a filter selects.
func (s *Site) selectRoundTrips(f filter) []roundtrip.Status {
	if s.RoundTrips == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.RoundTrips()), func(t roundtrip.Status) bool {
		return !f.ofTenant(t.Plan.Tenant) || f.Text != "" && !f.contains(t.Plan.Tenant, t.Plan.Name)
	})
}

func roundTripsHeadline(all []roundtrip.Status) (headline, worst string) {
	bad := 0
	for i := range all {
		if n := all[i].Newest; n != nil && n.Outcome != roundtrip.Delivered {
			bad++
		}
	}
	headline = text.Count(len(all), "round trip")
	if bad > 0 {
		return fmt.Sprintf("%s; the newest message of %d did not arrive as expected.", headline, bad), "failed"
	}
	return headline + ".", "passed"
}

func newRoundTripView(t *roundtrip.Status, now time.Time) roundTripView {
	v := roundTripView{
		Tenant: t.Plan.Tenant, Name: t.Plan.Name, Outcome: "waiting", Status: collector.StatusWaiting,
		History: &historyPage{Width: max(len(t.History), stripRounds) * stripStep},
	}
	if n := t.Newest; n != nil {
		v.Outcome, v.Sent, v.Status = string(n.Outcome), newTimestamp(n.Sent, now), collector.StatusFailed
		if n.Outcome == roundtrip.Delivered {
			v.Status = collector.StatusPassed
		}
		v.Facts = text.RoundTripFacts(t)
		for i := range n.Trace.Hops {
			v.Hops = append(v.Hops, newHopView(&n.Trace.Hops[i], now))
		}
		for _, r := range n.Trace.AuthenticationResults {
			v.Results = append(v.Results, text.RoundTripText(r))
		}
	}
	v.Facts = append(v.Facts, stateOf(t, now)...)
	var rounds []collector.Round
	for _, o := range t.History {
		round := collector.Round{At: o.Sent, Duration: o.Duration, Outcome: probes.Failed}
		if o.Outcome == roundtrip.Delivered {
			round.Outcome = probes.Passed
		}
		rounds = append(rounds, round)
	}
	if len(rounds) > 0 {
		v.History.addStrip(rounds)
	}
	return v
}

// stateOf returns what is under way, and why nothing is.
func stateOf(t *roundtrip.Status, now time.Time) []string {
	var facts []string
	if !t.UnderWay.IsZero() {
		facts = append(facts, "A message has been under way for "+text.Span(now.Sub(t.UnderWay))+".")
	}
	if t.NotHanded != "" {
		facts = append(facts, "It could not be handed over yet: "+t.NotHanded+".")
	}
	if !t.PausedUntil.IsZero() {
		facts = append(facts, fmt.Sprintf("Paused until %s: %s.", newTimestamp(t.PausedUntil, now).Text, t.PauseReason))
	}
	return append(facts, fmt.Sprintf("%s in the last 24 hours, at most %d.", text.Count(t.SentInOneDay, "message"),
		t.Plan.DailyLimit))
}

func newHopView(h *roundtrip.Hop, now time.Time) hopView {
	clean := func(s string) string { return strings.TrimSpace(probes.Sanitise(s, maxHopText)) }
	v := hopView{
		From: clean(h.From), By: clean(h.By), With: clean(h.With), TLS: clean(h.TLS), At: newTimestamp(h.Time, now),
		Delay: text.HopDelay(h),
	}
	return v
}
