package dnsclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
)

const (
	queryTimeout = 3 * time.Second // for one query to one server
	maxTries     = 2               // of the whole list of servers
	ednsSize     = 1232            // is not fragmented on any network path (DNS flag day 2020)
)

// session sends the queries of one look-up to one set of servers.
type session struct {
	servers      []string
	timeout      time.Duration // for one query to one server
	dial         dialFunc
	recordAnswer func(name string) // called when a server answered; name is "" if it returned no records
	dnssec       *validation       // nil if the security of the answers does not matter
	withoutEDNS  sync.Map          // the servers that answer queries without EDNS only
}

// query sends one query to the servers in order until one of them answers. If none does, it returns the most specific
// failure.
func (s *session) query(ctx context.Context, name string, qtype uint16) (*dns.Msg, Security, failure) {
	var worst failure
	var servfail string // a validating server that answered SERVFAIL
	local := true
	silent := map[string]bool{} // servers that did not reply to the last query
	for range maxTries {
		for _, server := range s.servers {
			_, known := s.withoutEDNS.Load(server)
			m, err := s.queryServer(ctx, server, name, qtype, !known && !silent[server])
			if silent[server] && err == nil {
				s.withoutEDNS.Store(server, true)
			}
			silent[server] = err != nil
			if ctx.Err() != nil && err != nil {
				return nil, Unknown, failure{reason: probes.ReasonDNSTimeout, detail: "no DNS server answered"}
			}
			fail := failureOf(m, err)
			s.record(m, err, fail, name)
			if fail.reason == "" {
				return m, s.security(ctx, server, m), fail
			}
			if fail.reason == probes.ReasonDNSServfail && s.dnssec.counts(server) {
				servfail = server
			}
			fail.detail = server + ": " + fail.detail
			local = local && fail.local
			if compareSpecificity(fail, worst) >= 0 {
				worst = fail
			}
		}
	}
	worst.local = local
	if worst.reason == probes.ReasonDNSServfail && servfail != "" {
		worst.unchecked = s.answersUnchecked(ctx, servfail, name, qtype)
	}
	return nil, worst.security(), worst
}

// record notes that a server answered. REFUSED does not count: a resolver that refuses everything is not known to work.
func (s *session) record(m *dns.Msg, err error, fail failure, name string) {
	switch {
	case fail.reason == "" && m.Rcode == dns.RcodeSuccess && len(m.Answer) > 0:
		s.recordAnswer(name)
	case err == nil && fail.reason != probes.ReasonDNSRefused:
		s.recordAnswer("")
	}
}

// queryServer sends one query to one server.
func (s *session) queryServer(ctx context.Context, server, name string, qtype uint16, edns bool) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	q.AuthenticatedData = s.dnssec.counts(server) // RFC 6840, section 5.7
	if edns {
		q.SetEdns0(ednsSize, q.AuthenticatedData)
	}
	return s.exchangeWithFallback(ctx, server, q)
}

// exchangeWithFallback exchanges a query by UDP; again without EDNS if the server does not support it (RFC 6891,
// section 7), and by TCP if the answer was truncated.
func (s *session) exchangeWithFallback(ctx context.Context, server string, q *dns.Msg) (*dns.Msg, error) {
	m, err := s.exchange(ctx, "udp", server, q)
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented) {
		q.Extra = nil
		m, err = s.exchange(ctx, "udp", server, q)
	}
	if err == nil && m.Truncated {
		if m, err = s.exchange(ctx, "tcp", server, q); err != nil && ctx.Err() == nil {
			err = truncatedError{err}
		}
	}
	return m, err
}

// exchange sends q and waits for the reply to it. The connection is closed when ctx ends, because miekg/dns knows
// deadlines only.
func (s *session) exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	conn, err := s.dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	co := &dns.Conn{Conn: conn, UDPSize: ednsSize}
	if err := co.WriteMsg(q); err != nil {
		return nil, err
	}
	for {
		m, err := co.ReadMsg()
		var netErr net.Error
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%s: no answer within %v", network, s.timeout)
		case errors.As(err, &netErr), err != nil && network == "tcp":
			return nil, err
		case err == nil && isReplyTo(q, m):
			return m, nil
		case network == "tcp":
			return nil, errors.New("tcp: the reply answers another question")
		}
		// A late or forged datagram: the reply may still arrive.
	}
}

// isReplyTo reports whether m has the id and the question of q; miekg/dns compares only the id. A reply with an error
// code may omit the question.
func isReplyTo(q, m *dns.Msg) bool {
	if m.Id != q.Id || !m.Response {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError
	}
	want, got := q.Question[0], m.Question[0]
	return len(m.Question) == 1 && strings.EqualFold(want.Name, got.Name) &&
		want.Qtype == got.Qtype && want.Qclass == got.Qclass
}
