package tlsrpt

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// MaxAge is how long after the end of its period a summary is judged. A sender reports each day within the day after
// it (RFC 8460, section 4.1), so that the next report replaces this one within two days; the third is for a late one.
const MaxAge = 72 * time.Hour

// The limits of a summary.
const (
	maxFailures = 20  // what does not fit is counted in the last entry
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

// Failure is a number of sessions that failed in the same way. The fields are as the sender wrote them: clean the host
// before it is shown.
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

// CurrentAt reports whether a summary is judged at a time. One of the future is not: its sender's clock is wrong, and
// no later report would replace it.
func (s *Summary) CurrentAt(now time.Time) bool {
	return now.Sub(s.End) <= MaxAge && s.End.Sub(now) <= 24*time.Hour
}

// FromMicrosoft reports whether Microsoft signed the report: it is Exchange Online's own.
func (s *Summary) FromMicrosoft() bool { return IsMicrosoft(s.Signer) }

// IsMicrosoft reports whether a signer is Microsoft, who signs the reports of Exchange Online.
func IsMicrosoft(signer string) bool {
	return signer == "microsoft.com" || strings.HasSuffix(signer, ".microsoft.com")
}

// Summaries returns what a report says about each domain, ordered by domain.
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

// add adds a failure to the one of the same way. When there are too many ways, the host no longer counts, then neither
// does the policy.
func (s *Summary) add(f Failure) {
	for _, way := range []Failure{
		f, {Policy: f.Policy, Result: f.Result}, {Policy: "unknown", Result: ValidationFailure},
	} {
		i := slices.IndexFunc(s.Failures, func(g Failure) bool {
			return g.Policy == way.Policy && g.Result == way.Result && g.Host == way.Host
		})
		if i >= 0 {
			s.Failures[i].Sessions = sum(s.Failures[i].Sessions, f.Sessions)
			return
		}
		if len(s.Failures) < maxFailures-1 || way.Policy == "unknown" && way.Result == ValidationFailure {
			way.Sessions = f.Sessions
			s.Failures = append(s.Failures, way)
			return
		}
	}
}

func (s *Summary) sort() {
	slices.SortStableFunc(s.Failures, func(a, b Failure) int { return cmp.Compare(b.Sessions, a.Sessions) })
}

// Merge returns the summary of the newest period of two of the same domain and signer. A sender may report one period
// in several reports: their sessions are added.
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
