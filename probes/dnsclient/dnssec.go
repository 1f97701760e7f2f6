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

// Security is what DNSSEC proves about an answer (RFC 4035, section 4.3), as a validating resolver reports it: it sets
// the AD bit in answers that it validated, and answers SERVFAIL where signatures are wrong.
type Security uint8

// The securities, in the order of what a sender may build on them; Bogus is that of a name without an answer.
const (
	Unknown  Security = iota // no server that validates answered
	Insecure                 // the zone is not signed
	Secure                   // the answer is signed, and the signatures are right
	Bogus                    // the signatures are wrong or missing: the answer must not be used
)

// with returns the security of two answers that are used together.
func (s Security) with(other Security) Security {
	if s == Bogus || other == Bogus {
		return Bogus
	}
	return min(s, other)
}

// validation is which servers of a session validate. A nil validation has none.
type validation struct {
	servers []string
	known   *validators
}

// newValidation returns those of the servers whose AD bit can be trusted: on loopback, or named.
func newValidation(servers, named []string, known *validators) *validation {
	v := &validation{known: known}
	for _, server := range servers {
		if onLoopback(server) || slices.Contains(named, server) {
			v.servers = append(v.servers, server)
		}
	}
	return v
}

// MayValidate reports whether one of the servers that q names validates DNSSEC: it is on loopback, or named as one that
// does.
func (q *Query) MayValidate() bool {
	return len(q.Validating) > 0 || slices.ContainsFunc(q.Servers, onLoopback)
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

// security returns what a server's answer proves. That the AD bit is missing proves that a zone is not signed only if
// the server validates at all.
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

// validates reports whether a server is known to validate. Unless it has shown that lately, it is asked for the root,
// which is signed, by one look-up for all. A server that answers that it cannot reach the root is trusted to validate
// what it knows.
func (s *session) validates(ctx context.Context, server string) bool {
	result, err, _ := s.dnssec.known.questions.Do(server, func() (any, error) {
		if validates, known := s.dnssec.known.get(server); known {
			return validates, nil
		}
		m, err := s.askServer(ctx, server, ".", dns.TypeSOA, true)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err() // not known: the next look-up asks again
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

// answersUnchecked reports whether a server that answered SERVFAIL has an answer to a question with the CD bit, which
// asks it not to validate: then the signatures are wrong (RFC 4035, section 4.7).
func (s *session) answersUnchecked(ctx context.Context, server, name string, qtype uint16) bool {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	q.CheckingDisabled = true
	q.SetEdns0(ednsSize, true)
	m, err := s.askTwice(ctx, server, q)
	return err == nil && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError)
}

const (
	validatorTTL   = time.Hour
	validatorRetry = time.Minute // after a question without answer
	maxValidators  = 1000        // remembered; configurations come and go
)

// validators remembers which servers validate. It is safe for concurrent use.
type validators struct {
	questions singleflight.Group // for the root, by server

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
