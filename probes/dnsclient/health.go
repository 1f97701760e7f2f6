package dnsclient

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

const (
	recentAnswer      = 5 * time.Minute // how long an answer proves that REFUSED is about the name
	canaryMaxAge      = 6 * time.Hour   // how long a name that was resolved serves as a canary
	maxCanaries       = 8               // remembered for one set of servers
	canariesPerLookUp = 3               // queried for one look-up
	maxCanaryName     = 200             // leaves room for the label
	canaryLabel       = "m365-connector-exporter-"
	maxServerSets     = 1000 // remembered, those of earlier configurations included
)

// healthLog remembers which sets of servers answered, and when. It is safe for concurrent use.
type healthLog struct {
	mu   sync.Mutex
	sets map[string]*resolverHealth // by the servers, joined by commas
}

// resolverHealth is what is remembered of one set of servers.
type resolverHealth struct {
	lastAnswer time.Time
	canaries   map[string]canary // by registered domain
}

// canary is a name that had records when it was last looked up.
type canary struct {
	name string
	at   time.Time
}

func newHealthLog() *healthLog { return &healthLog{sets: map[string]*resolverHealth{}} }

// recordAnswer notes that a server of the set answered. If name is not "", it had records and becomes a canary.
func (l *healthLog) recordAnswer(servers, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.sets[servers]
	if h == nil {
		if len(l.sets) >= maxServerSets {
			clear(l.sets)
		}
		h = &resolverHealth{canaries: map[string]canary{}}
		l.sets[servers] = h
	}
	h.lastAnswer = time.Now()
	if name == "" || len(name) > maxCanaryName {
		return
	}
	domain := registeredDomain(name)
	if _, known := h.canaries[domain]; !known && len(h.canaries) == maxCanaries {
		for other := range h.canaries { // any of them
			delete(h.canaries, other)
			break
		}
	}
	h.canaries[domain] = canary{name, h.lastAnswer}
}

// answeredRecently reports whether a server of the set has recently answered any query.
func (l *healthLog) answeredRecently(servers string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.sets[servers]
	return h != nil && time.Since(h.lastAnswer) < recentAnswer
}

// canariesOutside returns canaries outside the given domains, at most canariesPerLookUp.
func (l *healthLog) canariesOutside(servers string, domains []string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.sets[servers]
	if h == nil {
		return nil
	}
	var names []string
	for domain, c := range h.canaries {
		if len(names) < canariesPerLookUp && time.Since(c.at) < canaryMaxAge && !slices.Contains(domains, domain) {
			names = append(names, c.name)
		}
	}
	return names
}

// failedDomains returns the registered domains of the hosts that did not resolve.
func failedDomains(targets []Target) []string {
	var domains []string
	for _, t := range targets {
		if t.Step.Outcome == probes.Failed {
			domains = append(domains, registeredDomain(t.Host))
		}
	}
	return domains
}

// registeredDomain returns a name's registered domain, or the name if it has none.
func registeredDomain(name string) string {
	name = strings.TrimSuffix(name, ".")
	if domain := mailflow.RegisteredDomain(name); domain != "" {
		return domain
	}
	return name
}

// resolverResponds reports whether any server answers a query for a canary or, without canaries, for the root, which
// every resolver knows. Each canary gets a random label, so that the answer cannot come from a cache. NXDOMAIN is an
// answer, SERVFAIL is not.
func (s *session) resolverResponds(ctx context.Context, canaries []string) bool {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var questions []dns.Question
	for _, name := range canaries {
		questions = append(questions, dns.Question{
			Name: canaryLabel + strings.ToLower(rand.Text()[:10]) + "." + name, Qtype: dns.TypeA,
		})
	}
	if len(canaries) == 0 {
		questions = []dns.Question{{Name: ".", Qtype: dns.TypeNS}}
	}
	answers := make(chan bool, len(questions)*len(s.servers))
	for _, q := range questions {
		for _, server := range s.servers {
			go func() {
				_, plain := s.withoutEDNS.Load(server)
				m, err := s.queryServer(ctx, server, q.Name, q.Qtype, !plain)
				answers <- err == nil && m.Rcode != dns.RcodeServerFailure
			}()
		}
	}
	for range cap(answers) {
		if <-answers {
			return true
		}
	}
	return false
}
