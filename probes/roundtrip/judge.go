package roundtrip

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Outcome is what became of a test message.
type Outcome string

// Outcomes, the most serious first: the first that applies is the outcome.
const (
	Lost      Outcome = "lost"      // not arrived when it was given up; it may still become late
	Returned  Outcome = "returned"  // a server sent a delivery status notification
	Misrouted Outcome = "misrouted" // another tenant, address or origin than expected
	Duplicate Outcome = "duplicate" // arrived once more
	Spam      Outcome = "spam"      // Exchange Online took it for spam
	Altered   Outcome = "altered"   // the token is damaged
	Late      Outcome = "late"      // arrived after the time that is allowed
	Delivered Outcome = "delivered" // arrived in time, as expected
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{Lost, Returned, Misrouted, Duplicate, Spam, Altered, Late, Delivered}

// Expectation is what a round trip's message should show. What is empty is not judged.
type Expectation struct {
	TenantID   string // GUID
	Connecting []netip.Prefix
	Origin     Origin
	LateAfter  time.Duration
}

// Arrival is a message that the sink received.
type Arrival struct {
	Token    Token
	Received time.Time
	Damaged  bool // a copy of the token is damaged
	Trace    Trace
}

// Duration returns how long the message took, by our own clocks. A clock that was set back makes it zero.
func (a *Arrival) Duration() time.Duration { return max(a.Received.Sub(a.Token.Sent), 0) }

// Mismatch is one thing that is not as expected.
type Mismatch struct {
	Field     string // "tenant", "connecting address" or "origin"
	Got, Want string
}

// Judge returns the outcome of a first arrival and what is not as expected. What the trace does not show is not judged.
func Judge(a *Arrival, e *Expectation) (Outcome, []Mismatch) {
	mismatches := e.compare(&a.Trace)
	switch {
	case len(mismatches) > 0:
		return Misrouted, mismatches
	case takenForSpam(a.Trace.SpamVerdict):
		return Spam, nil
	case a.Damaged:
		return Altered, nil
	case e.LateAfter > 0 && a.Duration() > e.LateAfter:
		return Late, nil
	}
	return Delivered, nil
}

// compare returns what is known and not as expected.
func (e *Expectation) compare(t *Trace) []Mismatch {
	var found []Mismatch
	if e.TenantID != "" && t.TenantID != "" && !strings.EqualFold(e.TenantID, t.TenantID) {
		found = append(found, Mismatch{"tenant", t.TenantID, strings.ToLower(e.TenantID)})
	}
	inside := func(p netip.Prefix) bool { return p.Contains(t.Connecting) }
	if len(e.Connecting) > 0 && t.Connecting.IsValid() && !slices.ContainsFunc(e.Connecting, inside) {
		found = append(found, Mismatch{"connecting address", t.Connecting.String(), joinPrefixes(e.Connecting)})
	}
	if e.Origin != "" && e.Origin != OriginUnknown && t.Origin != OriginUnknown && e.Origin != t.Origin {
		found = append(found, Mismatch{"origin", string(t.Origin), string(e.Origin)})
	}
	return found
}

// joinPrefixes lists prefixes, of single addresses the address alone.
func joinPrefixes(prefixes []netip.Prefix) string {
	names := make([]string, len(prefixes))
	for i, p := range prefixes {
		if names[i] = p.String(); p.IsSingleIP() {
			names[i] = p.Addr().String()
		}
	}
	return strings.Join(names, ", ")
}

// notSpam are the verdicts of messages that Exchange Online does not take for spam: judged so, or not judged since a
// rule, a list or the sender's place in the organization says so
// (https://learn.microsoft.com/defender-office-365/message-headers-eop-mdo).
var notSpam = []string{"", "NSPM", "SKN", "SKA", "SKI", "SKQ", "SFE"}

func takenForSpam(verdict string) bool { return !slices.Contains(notSpam, verdict) }
