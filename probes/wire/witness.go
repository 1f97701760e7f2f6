package wire

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// What is remembered of a set of DNS servers. A resolver whose own way to the Internet is gone still answers: SERVFAIL, or from memory.
// So, before a domain is blamed, the servers are asked for names that cannot be in their memory, below names of other domains that
// they had an answer for: the witnesses.
const (
	heardFor      = 5 * time.Minute // how long an answer proves that REFUSED is meant for the domain and not for us
	witnessFor    = 6 * time.Hour   // how long a name is a witness after its answer
	maxWitnesses  = 8               // remembered
	askWitnesses  = 3               // asked
	witnessLabel  = "m365-connector-exporter-"
	maxWitnessLen = 200 // leaves room for the label
)

// hearing is what was heard from one set of servers.
type hearing struct {
	at        time.Time          // when they last answered anything
	witnesses map[string]witness // by registered domain
}

// witness is a name that has records, or had at that time.
type witness struct {
	name string
	at   time.Time
}

// hear notes an answer, and whom it can be a witness for; name is empty where it says nothing of a name.
func (r *resolver) hear(servers, name string) {
	domain := domainOf(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.heard[servers]
	if h == nil {
		if len(r.heard) > 1000 { // configurations come and go
			clear(r.heard)
		}
		h = &hearing{witnesses: map[string]witness{}}
		r.heard[servers] = h
	}
	h.at = time.Now()
	if name == "" || len(name) > maxWitnessLen {
		return
	}
	if _, known := h.witnesses[domain]; !known && len(h.witnesses) == maxWitnesses {
		for other := range h.witnesses { // any of them makes room
			delete(h.witnesses, other)
			break
		}
	}
	h.witnesses[domain] = witness{name, h.at}
}

func (r *resolver) heardLately(servers string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.heard[servers]
	return h != nil && time.Since(h.at) < heardFor
}

// witnessesBeside are names of other domains than the given ones, askWitnesses at most.
func (r *resolver) witnessesBeside(servers string, blamed []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.heard[servers]
	if h == nil {
		return nil
	}
	var names []string
	for domain, w := range h.witnesses {
		if len(names) < askWitnesses && time.Since(w.at) < witnessFor && !slices.Contains(blamed, domain) {
			names = append(names, w.name)
		}
	}
	return names
}

// domainsOf are those of the hosts that did not resolve.
func domainsOf(targets []target) []string {
	var domains []string
	for _, t := range targets {
		if t.Step.Outcome == probes.Failed {
			domains = append(domains, domainOf(t.Host))
		}
	}
	return domains
}

// domainOf is a name's registered domain, or the name where it has none.
func domainOf(name string) string {
	name = strings.TrimSuffix(name, ".")
	if domain := mailflow.RegisteredDomain(name); domain != "" {
		return domain
	}
	return name
}

// alive reports whether any server has an answer for a witness, or, without witnesses, for what every resolver knows. An answer that
// says no is one, SERVFAIL is none.
func (c *dnsClient) alive(ctx context.Context, witnesses []string) bool {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	type question struct {
		name  string
		qtype uint16
	}
	var questions []question
	for _, name := range witnesses {
		questions = append(questions, question{witnessLabel + strings.ToLower(rand.Text()[:10]) + "." + name, dns.TypeA})
	}
	if len(questions) == 0 {
		questions = []question{{".", dns.TypeNS}}
	}
	answers := make(chan bool, len(questions)*len(c.servers))
	for _, q := range questions {
		for _, server := range c.servers {
			go func() {
				m, err := c.askServer(ctx, server, q.name, q.qtype)
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
