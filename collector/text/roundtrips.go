package text

import (
	"fmt"
	"io"
	"strings"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/roundtrip"
)

// RoundTrip prints the newest message of a round trip: its outcome, what it showed, and the servers on its way.
func RoundTrip(w io.Writer, t *roundtrip.Status, o Options) error {
	p := &printer{Options: o}
	n := t.Newest
	color, word := colorRed, string(n.Outcome)
	if n.Outcome == roundtrip.Delivered {
		color = colorGreen
	}
	p.line(0, p.colored(color, strings.ToUpper(word[:1])+word[1:])+"  "+Printable(t.Plan.Tenant+" › "+t.Plan.Name))
	p.line(2, "Sent at "+n.Sent.UTC().Format(time.RFC3339)+".")
	for _, fact := range RoundTripFacts(t) {
		p.line(2, fact)
	}
	for i := range n.Trace.Hops {
		h := &n.Trace.Hops[i]
		row := fmt.Sprintf("%-20s %s", hopTime(h), Printable(h.By))
		if h.From != "" {
			row += " from " + Printable(h.From)
		}
		p.line(4, row)
		if details := hopDetails(h); details != "" {
			p.line(25, details)
		}
	}
	for _, result := range n.Trace.AuthenticationResults {
		p.line(2, "Authentication-Results: "+RoundTripText(result))
	}
	return p.flush(w)
}

func hopTime(h *roundtrip.Hop) string {
	if h.Time.IsZero() {
		return "time unknown"
	}
	return h.Time.UTC().Format(time.RFC3339)
}

// hopDetails returns protocol, TLS version and delay.
func hopDetails(h *roundtrip.Hop) string {
	var parts []string
	for _, part := range []string{h.With, h.TLS, HopDelay(h)} {
		if part != "" {
			parts = append(parts, Printable(part))
		}
	}
	return strings.Join(parts, ", ")
}

// HopDelay returns the delay of a hop, "" if it has none. The clocks of servers differ, so that it can be negative.
func HopDelay(h *roundtrip.Hop) string {
	switch {
	case h.Time.IsZero() || h.Delay == 0:
		return ""
	case h.Delay < 0:
		return "−" + (-h.Delay).String() + " (clocks differ)"
	}
	return h.Delay.String()
}

// RoundTripText returns a text from a peer so that it can be shown: sanitized, bounded and redacted.
func RoundTripText(s string) string { return probes.Redact(probes.Sanitise(s, probes.MaxDetail)) }

// RoundTripFacts returns what the newest message of a round trip showed, a sentence each.
func RoundTripFacts(t *roundtrip.Status) []string {
	var facts []string
	add := func(format string, args ...any) {
		facts = append(facts, RoundTripText(fmt.Sprintf(format, args...)))
	}
	n := t.Newest
	if n.Duration > 0 {
		add("It took %s.", tripDuration(n.Duration))
	}
	for _, m := range n.Mismatches {
		add("The %s is %s; %s is expected.", m.Field, t.TenantName(m.Got), t.TenantName(m.Want))
	}
	facts = append(facts, refusalFacts(n)...)
	trace := &n.Trace
	if trace.TenantID != "" {
		add("Exchange Online attributed it to tenant %s, origin %s.", t.TenantName(trace.TenantID), trace.Origin)
	}
	if trace.Connecting.IsValid() {
		add("The server that handed it to Exchange Online was %s, HELO %s.", trace.Connecting, trace.Helo)
	}
	if trace.SpamVerdict != "" {
		add("Spam filter: SFV %s, SCL %s.", trace.SpamVerdict, trace.SpamConfidence)
	}
	return facts
}

// refusalFacts returns why a message was returned or not handed over, and what can be done about it.
func refusalFacts(n *roundtrip.Finished) (facts []string) {
	why := &n.Refusal
	switch d := n.DSN; {
	case d != nil:
		facts = append(facts, RoundTripText(fmt.Sprintf("%s returned it: %s", d.ReportingServer, why.Text)))
	case why.Text != "":
		facts = append(facts, RoundTripText("It was not handed over: "+why.Text+"."))
	}
	info, ok := why.Reason.Info()
	if !ok {
		return facts
	}
	facts = append(facts, fmt.Sprintf("Reason: %s (%s).", info.Sentence, why.Reason),
		"Remedy: "+why.Reason.RemedyFor(why.Evidence))
	if n.DSN != nil && info.Outcome == probes.Inconclusive {
		facts = append(facts, "Reason and remedy are worded for the exporter; here they apply to the returning server.")
	}
	return facts
}

// tripDuration formats the duration of a message. A token dates its message to the second.
func tripDuration(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
