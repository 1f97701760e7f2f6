package dnsclient

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

const (
	maxServers    = 3                // as in resolv.conf
	maxLookUpTime = 20 * time.Second // for all queries of one look-up
)

// Client looks up names. It remembers which servers answer and which of them validate DNSSEC. It is safe for concurrent
// use.
type Client struct {
	systemServers []string
	timeout       time.Duration // for one query to one server
	dial          dialFunc
	health        *healthLog
	validators    *validators
	tlsa          *tlsaCache
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// New returns a Client. Its default servers are systemServers, as host:port; none means those of the operating
// system, read at each look-up.
func New(systemServers []string) *Client {
	return &Client{
		systemServers: systemServers, timeout: queryTimeout, dial: (&net.Dialer{}).DialContext, health: newHealthLog(),
		validators: newValidators(), tlsa: newTLSACache(),
	}
}

// WithSystemServers returns a Client with other default servers that shares what c remembers.
func (c *Client) WithSystemServers(systemServers []string) *Client {
	next := *c
	next.systemServers = systemServers
	return &next
}

// Options are the settings of a look-up.
type Options struct {
	Servers  []string          // host:port; none means the Client's default servers
	Protocol probes.IPProtocol // the address families to look up
	DNSSEC   bool              // determine the Security of the answers
	// Validating are the servers, as host:port, whose AD bit is trusted, besides those on loopback.
	Validating []string
}

// Target is a host that a look-up found.
type Target struct {
	Host  string
	Addrs []netip.Addr // sorted, without duplicates; none if Step did not pass or the host exceeds MaxEndpoints
	Step  probes.Step  // the resolve stage of this host, with the duration of its look-up
	// Security is what DNSSEC proves about the MX records and the addresses together.
	Security Security

	unchecked bool // see failure
}

// NextHop looks up the hosts that accept mail for name: its MX hosts, best first, or the name itself. At most
// probes.MaxEndpoints hosts are looked up; the others are returned without addresses, so that they can be counted.
// It returns at least one Target.
func (c *Client) NextHop(ctx context.Context, name string, o Options) []Target {
	return c.lookUp(ctx, name, o, func(ctx context.Context, s *session, name string) []Target {
		return s.nextHop(ctx, name, o.Protocol)
	})
}

// Host looks up the addresses of a host, without regard to MX records.
func (c *Client) Host(ctx context.Context, name string, o Options) Target {
	return c.lookUp(ctx, name, o, func(ctx context.Context, s *session, name string) []Target {
		return []Target{s.host(ctx, name, o.Protocol, "")}
	})[0]
}

// MX returns the MX hosts of a domain, best first: none for a null MX or a domain without MX records. ok is false if
// they are unknown because no server answered or DNSSEC validation failed.
func (c *Client) MX(ctx context.Context, domain string, servers []string) (hosts []string, ok bool) {
	resolve := func(ctx context.Context, s *session, name string) []Target {
		exchangers, _, fail := s.exchangers(ctx, name)
		for _, mx := range exchangers {
			hosts = append(hosts, mx.host)
		}
		switch fail.reason {
		case "", probes.ReasonNoAddress, probes.ReasonNXDomain, probes.ReasonNullMX:
			return []Target{{Host: name, Step: probes.NewStep("", "")}}
		}
		fail.local = true // the cause does not matter here: it need not be determined
		return failedTargets(name, fail)
	}
	targets := c.lookUp(ctx, domain, Options{Servers: servers}, resolve)
	return hosts, targets[0].Step.Outcome == probes.Passed
}

// lookUp checks the name, calls resolve with a session, and determines the cause of failures.
func (c *Client) lookUp(
	ctx context.Context, name string, o Options, resolve func(ctx context.Context, s *session, name string) []Target,
) []Target {
	host, ok := hostName(name)
	if !ok {
		return failedTargets(probes.Sanitise(name, probes.MaxDetail), failure{
			reason: probes.ReasonNXDomain, detail: name + " is not a host name",
		})
	}
	s, key, err := c.session(o)
	if err != nil {
		return failedTargets(host, failure{reason: probes.ReasonDNSRefused, detail: err.Error(), local: true})
	}
	bounded, cancel := context.WithTimeout(ctx, maxLookUpTime)
	defer cancel()
	targets := resolve(bounded, s, host)
	responds := sync.OnceValue(func() bool {
		return s.resolverResponds(ctx, c.health.canariesOutside(key, failedDomains(targets)))
	})
	answeredRecently := func() bool { return c.health.answeredRecently(key) }
	for i := range targets {
		targets[i].Step = attributeFailure(ctx, targets[i].Step, responds, answeredRecently)
		targets[i].blameSignatures()
	}
	return targets
}

// blameSignatures turns a SERVFAIL into a failed DNSSEC validation, if the name is at fault and has an answer without
// validation.
func (t *Target) blameSignatures() {
	if t.unchecked && t.Step.Outcome == probes.Failed && t.Step.Reason == probes.ReasonDNSServfail {
		t.Step.Reason, t.Security = probes.ReasonDNSBogus, Bogus
		t.Step.Detail = probes.Sanitise(t.Step.Detail+uncheckedDetail, probes.MaxDetail)
	}
}

const uncheckedDetail = "; the same server has an answer if it does not validate DNSSEC"

// session returns a session with the servers of o, and the key of these servers in caches.
func (c *Client) session(o Options) (s *session, key string, err error) {
	servers, err := c.servers(o.Servers)
	if err != nil {
		return nil, "", err
	}
	key = strings.Join(servers, ",")
	s = &session{
		servers: servers, timeout: c.timeout, dial: c.dial,
		recordAnswer: func(name string) { c.health.recordAnswer(key, name) },
	}
	if o.DNSSEC {
		s.dnssec = newValidation(servers, o.Validating, c.validators)
	}
	return s, key, nil
}

// servers returns the servers to query as host:port, at most maxServers.
func (c *Client) servers(configured []string) ([]string, error) {
	servers := configured
	if len(servers) == 0 {
		servers = c.systemServers
	}
	if len(servers) == 0 {
		var err error
		if servers, err = systemServers(); err != nil || len(servers) == 0 {
			return nil, errors.New("the DNS servers of this system are unknown: set dns_servers")
		}
	}
	all := make([]string, 0, maxServers)
	for _, s := range servers[:min(len(servers), maxServers)] {
		if _, _, err := net.SplitHostPort(s); err != nil {
			s = net.JoinHostPort(strings.Trim(s, "[]"), "53")
		}
		all = append(all, s)
	}
	return all, nil
}
