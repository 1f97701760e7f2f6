package daemon

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/mtasts"
)

// How often policies are looked up. A look-up is one DNS question; the policy itself is fetched once a day, and when
// its id changes.
const (
	policyInterval  = 2 * time.Hour   // between two look-ups of a domain, a quarter more or less
	policyRetry     = 2 * time.Minute // after a look-up without answer; doubled each time
	policyTick      = 10 * time.Second
	policiesPerTick = 100 // look-ups that begin in a tick: 10,000 domains take a quarter of an hour after a start
	maxPolicies     = 16  // looked up at a time
)

// policies keeps the MTA-STS policies of the domains that outbound paths lead to, and of accepted domains. There may be
// ten thousands of them, nearly all without a policy: little is kept of those.
type policies struct {
	fetch policyFetcher

	mu       sync.Mutex
	subjects map[check.TenantDomain]*policyEntry
	entries  []*policyEntry // of subjects, each once
	version  uint64         // of the states
	wake     chan struct{}  // has room for one
}

// policyKey is a domain, as it is looked up with these DNS servers: joined by commas, none means the system's.
type policyKey struct{ servers, domain string }

type policyEntry struct {
	key   policyKey
	state *mtasts.State // never changed; nil before the first look-up
	due   time.Time
	retry time.Duration // the next one
}

// noPolicy is the state of every domain without a policy.
var noPolicy = &mtasts.State{Mode: mtasts.Absent}

// policyFetcher returns the state of a policy. Keep forgets the domains for which keep is false.
type policyFetcher interface {
	Policy(ctx context.Context, key policyKey) mtasts.State
	Keep(keep func(policyKey) bool)
}

func newPolicies(fetch policyFetcher) *policies {
	return &policies{fetch: fetch, wake: make(chan struct{}, 1)}
}

// policySubjects lists the domains of which a configuration needs the policy, and how they are looked up: the next hops
// of paths that the daemon probes, and accepted domains. Microsoft's own domains (contoso.onmicrosoft.com) cannot have
// one.
func policySubjects(cfg *config.Config, paths []probes.Path) policyKeys {
	subjects := pathPolicies(paths)
	for _, t := range cfg.Tenants {
		layers := cfg.Layers(t.Name, mailflow.Inbound, "", "")
		if !probingEnabled(layers) {
			continue
		}
		for _, d := range t.AcceptedDomains {
			subjects.add(t.Name, d.Name, dnsServers(layers))
		}
	}
	return subjects
}

// pathPolicies lists the next hops of outbound paths that are probed.
func pathPolicies(paths []probes.Path) policyKeys {
	subjects := policyKeys{}
	for i := range paths {
		if p := &paths[i]; p.ID.Direction == mailflow.Outbound && p.Scheduled() {
			subjects.add(p.ID.Tenant, p.NextHop, p.Settings.DNSServers)
		}
	}
	return subjects
}

// policyKeys are how the policies of tenants' domains are looked up.
type policyKeys map[check.TenantDomain]policyKey

// add adds a domain. If two paths of a tenant have the same domain, the DNS servers of the first path are used.
func (k policyKeys) add(tenant, name string, servers []string) {
	domain, ok := mailflow.HostName(name)
	subject := check.TenantDomain{Tenant: tenant, Domain: domain}
	if _, known := k[subject]; ok && !known && mayHavePolicy(domain) {
		k[subject] = policyKey{strings.Join(servers, ","), domain}
	}
}

// mayHavePolicy reports whether a name is a domain that can have a policy: addresses and networks cannot, nor can the
// domains that Microsoft assigns.
func mayHavePolicy(name string) bool {
	_, err := netip.ParseAddr(name)
	return err != nil && strings.Contains(name, ".") && !mailflow.IsInitialDomain(name)
}

// probingEnabled reports whether the innermost of the layers that sets it enables probing.
func probingEnabled(layers []probes.SettingsOverride) bool {
	enabled := true
	for _, l := range layers {
		if l.Enabled != nil {
			enabled = *l.Enabled
		}
	}
	return enabled
}

// use replaces the domains. Those that stay keep their states; the others are forgotten.
func (p *policies) use(keys policyKeys) {
	p.mu.Lock()
	known := make(map[policyKey]*policyEntry, len(keys))
	for _, e := range p.entries {
		known[e.key] = e
	}
	used := make(map[policyKey]bool, len(keys))
	p.subjects, p.entries = make(map[check.TenantDomain]*policyEntry, len(keys)), nil
	for subject, key := range keys {
		if known[key] == nil {
			known[key] = &policyEntry{key: key, retry: policyRetry}
		}
		if p.subjects[subject] = known[key]; !used[key] {
			used[key] = true
			p.entries = append(p.entries, known[key])
		}
	}
	p.version++
	p.mu.Unlock()
	p.fetch.Keep(func(key policyKey) bool { return used[key] })
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run looks up what is due until ctx ends.
func (p *policies) run(ctx context.Context) {
	tick := time.NewTicker(policyTick)
	defer tick.Stop()
	for {
		p.lookUpDue(ctx, policiesPerTick)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-p.wake:
		}
	}
}

// lookUpDue looks up the domains that are due, limit of them at most.
func (p *policies) lookUpDue(ctx context.Context, limit int) {
	var group errgroup.Group
	group.SetLimit(maxPolicies)
	for _, e := range p.takeDue(limit) {
		group.Go(func() error {
			p.lookUp(ctx, e)
			return nil
		})
	}
	_ = group.Wait() // nothing returns an error
}

// lookUp looks a domain up. A look-up that is cut short proves nothing.
func (p *policies) lookUp(ctx context.Context, e *policyEntry) {
	if ctx.Err() != nil {
		return
	}
	if state := p.fetch.Policy(ctx, e.key); ctx.Err() == nil {
		p.record(e, state)
	}
}

func (p *policies) takeDue(limit int) (due []*policyEntry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, e := range p.entries {
		if len(due) == limit {
			break
		}
		if !now.Before(e.due) {
			due = append(due, e)
		}
	}
	return due
}

// record keeps the state of a domain.
func (p *policies) record(e *policyEntry, state mtasts.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := policyInterval*3/4 + rand.N(policyInterval/2) //nolint:gosec // spreads the load
	if state.Mode == "" {
		wait = e.retry
		e.retry = min(2*e.retry, policyInterval)
	} else {
		e.retry = policyRetry
	}
	e.due = time.Now().Add(wait)
	next := &state
	if state.Mode == mtasts.Absent && state.Problem == "" {
		next = noPolicy
	}
	if e.state == nil || *e.state != *next {
		e.state = next
		p.version++
	}
}

// found returns the states of all domains that were looked up, and their version.
func (p *policies) found() (states map[check.TenantDomain]*mtasts.State, version uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	states = make(map[check.TenantDomain]*mtasts.State, len(p.subjects))
	for subject, e := range p.subjects {
		if e.state != nil {
			states[subject] = e.state
		}
	}
	return states, p.version
}

// current returns the version of the states.
func (p *policies) current() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.version
}
