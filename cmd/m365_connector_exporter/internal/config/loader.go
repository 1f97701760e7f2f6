package config

import (
	"context"
	"fmt"
	"sync"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/inventory/exchangeonline"
	"m365_connector_exporter/probes/mailflow"
)

// Loader loads a configuration, at the start and at each reload. It is safe for concurrent use.
type Loader struct {
	path   string
	online *exchangeonline.Reader

	mu       sync.Mutex
	last     *Config                 // the newest that was loaded; nil before
	observed *inventory.Observations // of the newest attempt to load, which may have failed
}

// NewLoader returns a loader of the main file at path.
func NewLoader(path string) *Loader {
	return &Loader{path: path, online: exchangeonline.NewReader(time.Now), observed: &inventory.Observations{}}
}

// Reader returns the reader of the tenants that are read from Exchange Online. Load uses what it has read, and what is
// in the cache folder; it never waits for the network.
func (l *Loader) Reader() *exchangeonline.Reader { return l.online }

// Path returns the path of the main file.
func (l *Loader) Path() string { return l.path }

// Load reads a configuration once. See [Loader.Load].
func Load(ctx context.Context, path string) (*Config, error) { return NewLoader(path).Load(ctx) }

// Load reads the main file and every file that it names. If the main file has a mistake, it returns an error of type
// [Errors], with all mistakes in all files. A tenant whose own file, export or certificate does not load keeps its last
// good state; see [Config.Problems].
func (l *Loader) Load(ctx context.Context) (*Config, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cfg, observed, err := l.load(ctx)
	l.observed = observed
	if err == nil {
		l.last = cfg
	}
	return cfg, err
}

// Changed reports whether Load would read something else now than at its last call, successful or not. Only the
// contents of files count, not their times.
func (l *Loader) Changed(ctx context.Context) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.observed.Changed(ctx)
}

// loading is what the readers of one load share.
type loading struct {
	ctx      context.Context
	cfg      *Config // that is being built
	tenants  *inventory.Tenants[tenantSettings]
	observed *inventory.Observations
	names    map[string]bool // of tenants in YAML
	folders  folders

	online      *exchangeonline.Reader
	application application // of the section exchange_online at the top
}

func (l *Loader) load(ctx context.Context) (*Config, *inventory.Observations, error) {
	var before *inventory.Tenants[tenantSettings]
	if l.last != nil {
		before = l.last.tenants
	}
	cfg := defaults()
	shared := &loading{
		ctx: ctx, cfg: &cfg, tenants: inventory.NewTenants(before), observed: &inventory.Observations{},
		names: map[string]bool{}, folders: folders{byTenant: map[string]*folder{}}, online: l.online,
	}
	r := &reader{file: l.path, loading: shared}
	if root := r.open(l.path); root != nil {
		r.main(root)
	}
	if len(r.errs) > 0 {
		return nil, shared.observed, append(r.errs.sorted(), cfg.problems...)
	}
	shared.finish()
	return &cfg, shared.observed, nil
}

// finish completes the configuration with the tenants that were read.
func (l *loading) finish() {
	l.tenants.Complete()
	l.cfg.tenants = l.tenants
	l.cfg.Tenants = l.tenants.All()
	for i, t := range l.cfg.Tenants {
		l.cfg.Tenants[i] = mailflow.WithImpliedSenders(t)
		l.cfg.Suppressions = append(l.cfg.Suppressions, l.cfg.settings(t.Name).suppressions...)
		l.warnOfHosts(&t)
	}
	l.warnOfRoundTrips()
}

// warnOfHosts warns of next hops that may not work as such, in YAML and in exports.
func (l *loading) warnOfHosts(t *mailflow.Tenant) {
	warn := func(d mailflow.Direction, connector, path, what, host, doubt string) {
		if doubt != "" {
			id := probes.PathID{Tenant: t.Name, Direction: d, Connector: connector, Path: path}
			l.warn(fmt.Sprintf("%s: %s %q: %s", id.DisplayName(), what, host, doubt))
		}
	}
	for i := range t.Outbound {
		c := &t.Outbound[i]
		for _, host := range c.SmartHosts {
			warn(mailflow.Outbound, c.Name, "", "smart host", host, mailflow.SmartHostDoubt(host))
		}
	}
	for i := range t.Senders {
		if s := &t.Senders[i]; s.Target != "" {
			warn(mailflow.Inbound, s.Connector, s.Name, "target", s.Target, mailflow.HostNameDoubt(s.Target))
		}
	}
}

// warn records a warning. Beyond maxMistakes, warnings are only counted.
func (l *loading) warn(text string) {
	if len(l.cfg.Warnings) < maxMistakes {
		l.cfg.Warnings = append(l.cfg.Warnings, text)
		return
	}
	l.cfg.MoreWarnings++
}

func (l *loading) problem(e Errors) { l.cfg.problems = append(l.cfg.problems, e...) }

// addOrFallback adds a tenant that was read, or its last good state if one of its files is broken.
func (l *loading) addOrFallback(t *tenant) {
	if over := overLimit(t.Tenant); over != "" && len(t.errs) == 0 {
		t.errs = Errors{t.place.with("tenant %q: %s", t.Tenant.Name, over)}
	}
	if len(t.errs) == 0 {
		if t.unread {
			t.notRead()
		}
		l.tenants.Add(t.State)
		return
	}
	l.problem(t.errs)
	l.tenants.Fallback(t.Tenant.Name, t.Origin, t.errs[0])
}
