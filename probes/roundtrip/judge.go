package roundtrip

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Outcome is the outcome of a test message.
type Outcome string

// Outcomes, the most serious first: the first that applies is the outcome.
const (
	Lost      Outcome = "lost"      // not arrived within the time limit; it may still become late
	Returned  Outcome = "returned"  // a server refused it, or sent a delivery status notification
	Misrouted Outcome = "misrouted" // another tenant, address or origin than expected
	Duplicate Outcome = "duplicate" // arrived again
	Spam      Outcome = "spam"      // Exchange Online classified it as spam
	Altered   Outcome = "altered"   // a copy of the token is damaged
	Late      Outcome = "late"      // arrived later than expected
	Delivered Outcome = "delivered" // arrived in time, as expected
)

// Outcomes lists all outcomes.
var Outcomes = []Outcome{Lost, Returned, Misrouted, Duplicate, Spam, Altered, Late, Delivered}

// Expectation is the expected trace of a round trip. Fields with the zero value are not compared.
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

// Duration returns the time from sending to receipt, 0 if the clock was set back in between.
func (a *Arrival) Duration() time.Duration { return max(a.Received.Sub(a.Token.Sent), 0) }

// Mismatch is a difference between a trace and its Expectation.
type Mismatch struct {
	Field     string // "tenant", "connecting address" or "origin"
	Got, Want string
}

// Judge returns the outcome of a first arrival and its mismatches. Fields that the trace lacks are not compared.
func Judge(a *Arrival, e *Expectation) (Outcome, []Mismatch) {
	mismatches := e.compare(&a.Trace)
	switch {
	case len(mismatches) > 0:
		return Misrouted, mismatches
	case classifiedAsSpam(a.Trace.SpamVerdict):
		return Spam, nil
	case a.Damaged:
		return Altered, nil
	case e.LateAfter > 0 && a.Duration() > e.LateAfter:
		return Late, nil
	}
	return Delivered, nil
}

// compare returns the known fields of a trace that differ from the expected ones.
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

// joinPrefixes lists prefixes; a prefix of a single address is listed as the address.
func joinPrefixes(prefixes []netip.Prefix) string {
	names := make([]string, len(prefixes))
	for i, p := range prefixes {
		if names[i] = p.String(); p.IsSingleIP() {
			names[i] = p.Addr().String()
		}
	}
	return strings.Join(names, ", ")
}

// notSpam are the verdicts (SFV) of messages that Exchange Online does not treat as spam: because of their content, or
// because a rule, a list or an internal sender exempts them from filtering
// (https://learn.microsoft.com/defender-office-365/message-headers-eop-mdo).
var notSpam = []string{"", "NSPM", "SKN", "SKA", "SKI", "SKQ", "SFE"}

func classifiedAsSpam(verdict string) bool { return !slices.Contains(notSpam, verdict) }
