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
	maxLookUpTime = 20 * time.Second // for one look-up with everything that it asks
)

// Client looks names up. It remembers which servers answer. It is safe for concurrent use.
type Client struct {
	systemServers []string
	timeout       time.Duration // for one question to one server
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
		systemServers: systemServers, timeout: questionTimeout, dial: (&net.Dialer{}).DialContext, health: newHealthLog(),
		validators: newValidators(), tlsa: newTLSACache(),
	}
}

// WithSystemServers returns a Client with other default servers that knows what c has learned about servers.
func (c *Client) WithSystemServers(systemServers []string) *Client {
	next := *c
	next.systemServers = systemServers
	return &next
}

// Query is how a look-up is done.
type Query struct {
	Servers  []string          // host:port; none means the Client's default servers
	Protocol probes.IPProtocol // the address families to ask for
	DNSSEC   bool              // learn the security of the answers from the servers that validate
	// Validating are those of the servers, as host:port, whose AD bit counts. Those on loopback need not be named.
	Validating []string
}

// Target is one host that a look-up led to.
type Target struct {
	Host  string
	Addrs []netip.Addr // sorted, each once; none if Step did not pass, or if the host was left out as one too many
	Step  probes.Step  // the resolve stage of this host, with the time that its look-up took
	// Security is what DNSSEC proves about the MX records and the addresses together.
	Security Security

	unchecked bool // see failure
}

// NextHop looks up where mail for name goes: its MX hosts, best first, or the name itself. At most
// probes.MaxEndpoints hosts are looked up; further ones are returned without addresses, so that they can be counted.
// There is at least one Target.
func (c *Client) NextHop(ctx context.Context, name string, q Query) []Target {
	return c.lookUp(ctx, name, q, func(ctx context.Context, s *session, name string) []Target {
		return s.nextHop(ctx, name, q.Protocol)
	})
}

// Host looks up the addresses of a host, without regard to MX records.
func (c *Client) Host(ctx context.Context, name string, q Query) Target {
	return c.lookUp(ctx, name, q, func(ctx context.Context, s *session, name string) []Target {
		return []Target{s.host(ctx, name, q.Protocol, "")}
	})[0]
}

// MX returns the MX hosts of a domain, best first: none for a null MX or a domain without MX records. ok is false if
// nothing was learned: no server answered, or DNSSEC validation failed.
func (c *Client) MX(ctx context.Context, domain string, servers []string) (hosts []string, ok bool) {
	targets := c.lookUp(ctx, domain, Query{Servers: servers}, func(ctx context.Context, s *session, name string) []Target {
		exchangers, _, fail := s.exchangers(ctx, name)
		for _, mx := range exchangers {
			hosts = append(hosts, mx.host)
		}
		switch fail.reason {
		case "", probes.ReasonNoAddress, probes.ReasonNXDomain, probes.ReasonNullMX:
			return []Target{{Host: name, Step: probes.NewStep("", "")}}
		}
		fail.local = true // whose fault it is makes no difference here
		return failedTargets(name, fail)
	})
	return hosts, targets[0].Step.Outcome == probes.Passed
}

// lookUp checks the name, runs ask against the servers of q, and decides what failures prove.
func (c *Client) lookUp(
	ctx context.Context, name string, q Query, ask func(ctx context.Context, s *session, name string) []Target,
) []Target {
	host, ok := hostName(name)
	if !ok {
		return failedTargets(probes.Sanitise(name, probes.MaxDetail), failure{
			reason: probes.ReasonNXDomain, detail: name + " is not a host name",
		})
	}
	s, key, err := c.session(q)
	if err != nil {
		return failedTargets(host, failure{reason: probes.ReasonDNSRefused, detail: err.Error(), local: true})
	}
	bounded, cancel := context.WithTimeout(ctx, maxLookUpTime)
	defer cancel()
	targets := ask(bounded, s, host)
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

// blameSignatures changes a SERVFAIL that is the name's fault to what it comes from.
func (t *Target) blameSignatures() {
	if t.unchecked && t.Step.Outcome == probes.Failed && t.Step.Reason == probes.ReasonDNSServfail {
		t.Step.Reason, t.Security = probes.ReasonDNSBogus, Bogus
		t.Step.Detail = probes.Sanitise(t.Step.Detail+uncheckedDetail, probes.MaxDetail)
	}
}

const uncheckedDetail = "; the same server has an answer if it does not validate DNSSEC"

// session returns a session with the servers of q, and the key of these servers.
func (c *Client) session(q Query) (s *session, key string, err error) {
	servers, err := c.servers(q.Servers)
	if err != nil {
		return nil, "", err
	}
	key = strings.Join(servers, ",")
	s = &session{
		servers: servers, timeout: c.timeout, dial: c.dial,
		recordAnswer: func(name string) { c.health.recordAnswer(key, name) },
	}
	if q.DNSSEC {
		s.dnssec = newValidation(servers, q.Validating, c.validators)
	}
	return s, key, nil
}

// servers returns the servers to ask as host:port, at most maxServers.
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
