package text

import (
	"fmt"
	"strings"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Reply returns a server's reply as one text, redacted; "" if there was none.
func Reply(r probes.Reply) string {
	if r.Code == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", r.Code, probes.Redact(strings.TrimSpace(r.Enhanced+" "+r.Text)))
}

// Detail returns what happened in a stage, redacted: the server's reply, or the detail if there was none.
func Detail(s probes.Step) string {
	if reply := Reply(s.Reply); reply != "" {
		return reply
	}
	return probes.Redact(s.Detail)
}

// Verdict returns the outcome of an attribution as a sentence.
func Verdict(a mailflow.Attribution) string {
	switch {
	case a.Ambiguous():
		return "Ambiguous: matches " + strings.Join(a.Tenants, ", ") + " equally, by " + a.Basis.String() + "."
	case len(a.Tenants) == 0:
		return "Attributed to no configured tenant" + predictedReply(a)
	}
	sentence := "Attributed to " + a.Tenants[0] + " by " + a.Basis.String()
	if a.Connector != "" {
		sentence += ", through connector " + a.Connector
	}
	if a.Relay {
		return sentence + "; mail to external recipients is relayed."
	}
	return sentence + "; mail to external recipients is not relayed" + predictedReply(a)
}

func predictedReply(a mailflow.Attribution) string {
	if a.Reply == "" {
		return "."
	}
	return "; predicted reply: " + a.Reply
}

// Sender returns the MAIL FROM domains of a simulated message, and "<>" for the null sender.
func Sender(a mailflow.Attribution) string {
	if a.Message.MailFrom == "" {
		return "<> (null sender)"
	}
	return a.From()
}

// Lifetime describes how much of a certificate's validity period remains; "" if the period or the time is unknown.
func Lifetime(notBefore, notAfter, now time.Time) string {
	switch {
	case notAfter.IsZero() || now.IsZero():
		return ""
	case now.After(notAfter):
		return "expired " + Span(now.Sub(notAfter)) + " ago"
	case now.Before(notBefore):
		return "valid in " + Span(notBefore.Sub(now))
	}
	return fmt.Sprintf("%s left of %s", Span(notAfter.Sub(now)), Span(notAfter.Sub(notBefore)))
}

// Span returns a duration rounded down to one unit: "90 s", "5 min", "47 h", "61 days".
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return "0 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d h", d/time.Hour)
	default:
		return fmt.Sprintf("%d days", d/day)
	}
}

// First returns the first items of a list, at most limit, and how many more there are.
func First(items []string, limit int) (first []string, more int) {
	first = items[:min(len(items), limit)]
	return first, len(items) - len(first)
}

// List joins the first items of a list, at most limit, and counts the others: "a, b and 3 more".
func List(items []string, limit int) string {
	first, more := First(items, limit)
	if more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(first, ", "), more)
	}
	return strings.Join(first, ", ")
}

// maxNames is how many names of a certificate are printed.
const maxNames = 5

// listNames lists the names of a certificate, of which some may not be recorded.
func listNames(names []string, omitted int) string {
	first, more := First(names, maxNames)
	more += omitted
	switch list := strings.Join(first, ", "); {
	case more > 0 && list != "":
		return fmt.Sprintf("%s and %d more", list, more)
	case more > 0:
		return fmt.Sprintf("%d names", more)
	case list != "":
		return list
	}
	return "no name"
}

// Count returns a number and a noun: "1 path", "2 paths".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
