package web

import (
	"fmt"
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
	var all []roundtrip.Status
	if s.RoundTrips != nil {
		all = slices.Clone(s.RoundTrips())
	}
	all = slices.DeleteFunc(all, func(t roundtrip.Status) bool {
		return !f.ofTenant(t.Plan.Tenant) || f.Text != "" && !f.contains(t.Plan.Tenant, t.Plan.Name)
	})
	page := &roundTripsPage{Filter: f, Part: paginate(len(all), roundTripsPerPage, f.Page)}
	page.Headline, page.Level = roundTripsHeadline(all)
	page.TLSReports = s.tlsReports(&f)
	for i := range all[page.Part.From:page.Part.To] {
		page.Trips = append(page.Trips, newRoundTripView(&all[page.Part.From+i], s.Now()))
	}
	s.render(w, "roundtrips", layoutData{Title: "Round trips", Page: page})
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
		v.Facts = evidenceOf(n)
		for i := range n.Trace.Hops {
			v.Hops = append(v.Hops, newHopView(&n.Trace.Hops[i], now))
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

// evidenceOf returns what the newest message showed, a sentence each.
func evidenceOf(n *roundtrip.Finished) []string {
	var facts []string
	add := func(format string, args ...any) {
		facts = append(facts, probes.Redact(probes.Sanitise(fmt.Sprintf(format, args...), probes.MaxDetail)))
	}
	if n.Duration > 0 {
		add("It took %s.", round(n.Duration))
	}
	for _, m := range n.Mismatches {
		add("The %s is %s; %s is expected.", m.Field, m.Got, m.Want)
	}
	if n.Problem != "" {
		add("It was not handed over: %s.", n.Problem)
	}
	if d := n.DSN; d != nil {
		add("%s returned it: %s %s", d.ReportingServer, d.Status, d.Diagnostic)
	}
	t := &n.Trace
	if t.TenantID != "" {
		add("Exchange Online attributed it to tenant %s, origin %s.", t.TenantID, t.Origin)
	}
	if t.Connecting.IsValid() {
		add("The server that handed it to Exchange Online was %s, HELO %s.", t.Connecting, t.Helo)
	}
	if t.SpamVerdict != "" {
		add("Spam filter: SFV %s, SCL %s.", t.SpamVerdict, t.SpamConfidence)
	}
	return facts
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
	}
	switch {
	case h.Time.IsZero() || h.Delay == 0:
	case h.Delay < 0:
		v.Delay = "−" + (-h.Delay).String() + " (clocks differ)"
	default:
		v.Delay = h.Delay.String()
	}
	return v
}
