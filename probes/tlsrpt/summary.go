package tlsrpt

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// MaxAge is how long after the end of its period a summary is evaluated. A sender reports a day within the next day
// (RFC 8460, section 4.1), so that the next report replaces this one within two days. The third day is for late
// reports.
const MaxAge = 72 * time.Hour

// Bounds of a summary.
const (
	maxFailures = 20  // further failures are counted in the last entry
	maxHost     = 255 // bytes of a host name
)

// Summary is what one sender reports about one domain for one period.
type Summary struct {
	Domain     string
	Signer     string // the domain that signed the report
	Start, End time.Time
	Succeeded  int64     // sessions
	Failures   []Failure // most sessions first
}

// Failure is a number of sessions that failed in the same way. The host is a text of the sender: sanitise it before
// display.
type Failure struct {
	Policy   string // "tlsa", "sts", "no-policy-found", or "unknown" for other types
	Result   Result
	Host     string // the MX; "" if the sender names none
	Sessions int64
}

// Failed returns the number of sessions that failed.
func (s *Summary) Failed() int64 {
	var n int64
	for _, f := range s.Failures {
		n = sum(n, f.Sessions)
	}
	return n
}

// CurrentAt reports whether a summary is evaluated at a given time. A summary of the future is not: the sender's clock
// is wrong, and no later report would replace it.
func (s *Summary) CurrentAt(now time.Time) bool {
	return now.Sub(s.End) <= MaxAge && s.End.Sub(now) <= 24*time.Hour
}

// FromMicrosoft reports whether Microsoft signed the report, as it signs those of Exchange Online.
func (s *Summary) FromMicrosoft() bool { return IsMicrosoft(s.Signer) }

// IsMicrosoft reports whether a signer is Microsoft, who signs the reports of Exchange Online.
func IsMicrosoft(signer string) bool {
	return signer == "microsoft.com" || strings.HasSuffix(signer, ".microsoft.com")
}

// Summaries returns a summary of each domain in the report, ordered by domain.
func (r *Report) Summaries() []Summary {
	var all []*Summary
	byDomain := map[string]*Summary{}
	r.eachCount(func(c counted) {
		s := byDomain[c.policy.Domain]
		if s == nil {
			s = &Summary{Domain: c.policy.Domain, Signer: r.Signer, Start: r.Start, End: r.End}
			byDomain[s.Domain], all = s, append(all, s)
		}
		if c.result == Success {
			s.Succeeded = sum(s.Succeeded, c.sessions)
			return
		}
		s.add(Failure{policyType(c.policy.Type), c.result, c.host[:min(len(c.host), maxHost)], c.sessions})
	})
	summaries := make([]Summary, 0, len(all))
	for _, s := range all {
		s.sort()
		summaries = append(summaries, *s)
	}
	slices.SortFunc(summaries, func(a, b Summary) int { return cmp.Compare(a.Domain, b.Domain) })
	return summaries
}

func policyType(name string) string {
	if slices.Contains([]string{"tlsa", "sts", "no-policy-found"}, name) {
		return name
	}
	return "unknown"
}

// add adds the sessions of a failure to the entry with the same policy, result and host. If there are too many entries,
// it uses the entry without the host or, as a last resort, one for all other failures.
func (s *Summary) add(f Failure) {
	for _, entry := range []Failure{
		f, {Policy: f.Policy, Result: f.Result}, {Policy: "unknown", Result: ValidationFailure},
	} {
		i := slices.IndexFunc(s.Failures, func(g Failure) bool {
			return g.Policy == entry.Policy && g.Result == entry.Result && g.Host == entry.Host
		})
		if i >= 0 {
			s.Failures[i].Sessions = sum(s.Failures[i].Sessions, f.Sessions)
			return
		}
		if len(s.Failures) < maxFailures-1 || entry.Policy == "unknown" && entry.Result == ValidationFailure {
			entry.Sessions = f.Sessions
			s.Failures = append(s.Failures, entry)
			return
		}
	}
}

func (s *Summary) sort() {
	slices.SortStableFunc(s.Failures, func(a, b Failure) int { return cmp.Compare(b.Sessions, a.Sessions) })
}

// Merge merges two summaries of the same domain and signer. If their periods differ, it returns the newer summary;
// otherwise it adds their sessions, because a sender may send several reports of one period.
func (s *Summary) Merge(other *Summary) Summary {
	switch {
	case other.Start.After(s.Start):
		return *other
	case other.Start.Before(s.Start):
		return *s
	}
	merged := *s
	merged.Failures = slices.Clone(s.Failures)
	merged.Succeeded = sum(s.Succeeded, other.Succeeded)
	if other.End.After(merged.End) {
		merged.End = other.End
	}
	for _, f := range other.Failures {
		merged.add(f)
	}
	merged.sort()
	return merged
}

// sum adds numbers that are not negative, and stops at the largest one.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
