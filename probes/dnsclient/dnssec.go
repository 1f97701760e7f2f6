package dnsclient

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/singleflight"
)

// Security is what DNSSEC proves about an answer (RFC 4035, section 4.3), as a validating resolver reports it: the
// resolver sets the AD bit in answers that it has validated, and answers SERVFAIL where validation fails.
type Security uint8

// The securities, the weakest first. Bogus is special: there is no usable answer.
const (
	Unknown  Security = iota // no validating resolver answered
	Insecure                 // the zone is not signed
	Secure                   // the answer is signed, and its signatures are valid
	Bogus                    // the signatures are invalid or missing: the answer must not be used
)

// with returns the security of two answers that are used together: the weaker one.
func (s Security) with(other Security) Security {
	if s == Bogus || other == Bogus {
		return Bogus
	}
	return min(s, other)
}

// validation are the servers of a session whose AD bit is trusted. A nil validation has none.
type validation struct {
	servers []string
	known   *validators
}

// newValidation trusts the servers on loopback, and those that are named.
func newValidation(servers, named []string, known *validators) *validation {
	v := &validation{known: known}
	for _, server := range servers {
		if onLoopback(server) || slices.Contains(named, server) {
			v.servers = append(v.servers, server)
		}
	}
	return v
}

// MayValidate reports whether the AD bit of one of the configured servers is trusted: it is on loopback, or named in
// Validating.
func (o *Options) MayValidate() bool {
	return len(o.Validating) > 0 || slices.ContainsFunc(o.Servers, onLoopback)
}

func onLoopback(server string) bool {
	host, _, err := net.SplitHostPort(server)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// counts reports whether a server's AD bit can be trusted.
func (v *validation) counts(server string) bool {
	return v != nil && slices.Contains(v.servers, server)
}

// security returns what a server's answer proves. An answer without the AD bit is from an unsigned zone only if the
// server validates at all.
func (s *session) security(ctx context.Context, server string, m *dns.Msg) Security {
	switch {
	case !s.dnssec.counts(server):
		return Unknown
	case m.AuthenticatedData:
		s.dnssec.known.record(server, true, validatorTTL)
		return Secure
	case s.validates(ctx, server):
		return Insecure
	}
	return Unknown
}

// validates reports whether a server validates DNSSEC. If that is not known from a recent answer, it queries the root,
// which is signed, once for all look-ups that wait. A server that replies that it cannot reach the root is assumed to
// validate.
func (s *session) validates(ctx context.Context, server string) bool {
	result, err, _ := s.dnssec.known.queries.Do(server, func() (any, error) {
		if validates, known := s.dnssec.known.get(server); known {
			return validates, nil
		}
		m, err := s.queryServer(ctx, server, ".", dns.TypeSOA, true)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err() // not known: the next look-up tries again
		case err != nil:
			s.dnssec.known.record(server, false, validatorRetry)
			return false, err
		}
		validates := m.AuthenticatedData || m.Rcode == dns.RcodeServerFailure || m.Rcode == dns.RcodeRefused
		s.dnssec.known.record(server, validates, validatorTTL)
		return validates, nil
	})
	validates, ok := result.(bool)
	return err == nil && ok && validates
}

// answersUnchecked reports whether a server that answered SERVFAIL has an answer if the CD bit disables validation:
// then the signatures are invalid (RFC 4035, section 4.7).
func (s *session) answersUnchecked(ctx context.Context, server, name string, qtype uint16) bool {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	q.CheckingDisabled = true
	q.SetEdns0(ednsSize, true)
	m, err := s.exchangeWithFallback(ctx, server, q)
	return err == nil && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError)
}

const (
	validatorTTL   = time.Hour
	validatorRetry = time.Minute // after a query without a reply
	maxValidators  = 1000        // remembered, those of earlier configurations included
)

// validators remembers which servers validate. It is safe for concurrent use.
type validators struct {
	queries singleflight.Group // of the root, by server

	mu      sync.Mutex
	servers map[string]validator
}

type validator struct {
	validates bool
	until     time.Time
}

func newValidators() *validators { return &validators{servers: map[string]validator{}} }

func (v *validators) get(server string) (validates, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	last, ok := v.servers[server]
	return last.validates, ok && time.Now().Before(last.until)
}

func (v *validators) record(server string, validates bool, ttl time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.servers) >= maxValidators {
		clear(v.servers)
	}
	v.servers[server] = validator{validates, time.Now().Add(ttl)}
}
