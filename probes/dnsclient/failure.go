package dnsclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/internal/sockerr"
)

// failure is why a query returned no records. The zero value is no failure.
type failure struct {
	reason   probes.Reason
	detail   string
	evidence probes.Evidence // selects a more precise remedy; "" if nothing does
	// local: no server received the query, or this host is out of resources. It proves nothing about the name.
	local bool
	// unchecked: the reason is SERVFAIL, and the same server has an answer without DNSSEC validation. If the resolver
	// works otherwise, the signatures are invalid.
	unchecked bool
}

// step returns the resolve stage that ended with the failure.
func (f failure) step() probes.Step {
	step := probes.NewStep(f.reason, f.detail)
	step.Evidence = f.evidence
	if f.local {
		step.Outcome = probes.Inconclusive
	}
	return step
}

func failedTarget(host string, f failure) Target {
	return Target{Host: host, Step: f.step(), Security: f.security(), unchecked: f.unchecked}
}

// security returns that of a name without an answer.
func (f failure) security() Security {
	if f.reason == probes.ReasonDNSBogus {
		return Bogus
	}
	return Unknown
}

func failedTargets(host string, f failure) []Target { return []Target{failedTarget(host, f)} }

// failureOf classifies a server's reply, or the error if there was none. NXDOMAIN is an answer, not a failure.
func failureOf(m *dns.Msg, err error) failure {
	switch code := sockerr.Code(err); {
	case sockerr.Exhausted(err):
		return failure{reason: probes.ReasonInternalError, detail: err.Error(), local: true}
	case errors.As(err, new(truncatedError)):
		return truncatedFailure(err, code)
	case code == syscall.ECONNREFUSED:
		return failure{reason: probes.ReasonDNSRefused, detail: "no DNS server listens there", local: true}
	case err != nil:
		unsent := slices.Contains([]syscall.Errno{
			syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EPERM,
		}, code)
		return failure{reason: probes.ReasonDNSTimeout, detail: err.Error(), local: unsent}
	case m.Rcode == dns.RcodeSuccess, m.Rcode == dns.RcodeNameError:
		return failure{}
	case m.Rcode == dns.RcodeRefused:
		return failure{reason: probes.ReasonDNSRefused, detail: "REFUSED"}
	}
	return withExtendedErrors(failure{reason: probes.ReasonDNSServfail, detail: rcodeText(m.Rcode)}, m)
}

// truncatedError is the failure of TCP after a truncated answer by UDP (RFC 7766).
type truncatedError struct{ error }

func (e truncatedError) Unwrap() error { return e.error }

// truncatedFailure returns the failure of a server that answers by UDP only.
func truncatedFailure(err error, code syscall.Errno) failure {
	f := failure{
		reason: probes.ReasonDNSTimeout, detail: "the answer by UDP is truncated, and TCP fails: " + err.Error(),
		evidence: probes.EvidenceDNSOverTCP,
	}
	if code == syscall.ECONNREFUSED {
		f.reason = probes.ReasonDNSRefused
	}
	return f
}

// withExtendedErrors adds the extended errors of a reply (RFC 8914). Code 6 is "DNSSEC Bogus"; 7 to 12 are special
// cases of it.
func withExtendedErrors(f failure, m *dns.Msg) failure {
	opt := m.IsEdns0()
	if opt == nil {
		return f
	}
	for _, o := range opt.Option {
		if ede, ok := o.(*dns.EDNS0_EDE); ok {
			if ede.InfoCode >= dns.ExtendedErrorCodeDNSBogus && ede.InfoCode <= dns.ExtendedErrorCodeNSECMissing {
				f.reason = probes.ReasonDNSBogus
			}
			f.detail += fmt.Sprintf(", extended error %d %s", ede.InfoCode, ede.ExtraText)
		}
	}
	return f
}

func rcodeText(rcode int) string {
	if text, ok := dns.RcodeToString[rcode]; ok {
		return text
	}
	return fmt.Sprintf("rcode %d", rcode)
}

// specificity orders reasons: those that reveal least about a name come first.
var specificity = []probes.Reason{
	"", probes.ReasonInternalError, probes.ReasonNoAddress, probes.ReasonDNSTimeout, probes.ReasonDNSRefused,
	probes.ReasonDNSServfail, probes.ReasonDNSBogus, probes.ReasonCNAMELoop, probes.ReasonNXDomain,
}

// compareSpecificity returns a negative number if a reveals less about a name than b.
func compareSpecificity(a, b failure) int {
	return cmp.Compare(slices.Index(specificity, a.reason), slices.Index(specificity, b.reason))
}

// attributeFailure determines whether a failed look-up proves anything about the name.
//
// A timeout or SERVFAIL is the fault of the resolver if it does not answer for other domains either. Such a SERVFAIL
// becomes a timeout: it means that no server replied to the resolver. REFUSED is about this host, not about the name,
// if the servers have answered nothing else recently.
func attributeFailure(ctx context.Context, s probes.Step, responds, answeredRecently func() bool) probes.Step {
	switch {
	case s.Outcome == probes.Passed, s.Outcome == probes.NotReached:
	case ctx.Err() != nil:
		return probes.Step{
			Outcome: probes.Inconclusive, Reason: probes.ReasonCanceled, Duration: s.Duration,
			Detail: "the look-up was interrupted",
		}
	case s.Outcome == probes.Inconclusive: // a fault of this host
	case s.Reason == probes.ReasonDNSTimeout && !responds(), s.Reason == probes.ReasonDNSRefused && !answeredRecently():
		s.Outcome = probes.Inconclusive
		s.Detail += "; these DNS servers answer nothing at all"
	case s.Reason == probes.ReasonDNSServfail && !responds():
		s.Outcome, s.Reason = probes.Inconclusive, probes.ReasonDNSTimeout
		s.Detail += "; these DNS servers have no answer for other domains either: they seem to be cut off"
	}
	s.Detail = probes.Sanitise(s.Detail, probes.MaxDetail)
	return s
}
