package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/version"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/schedule"
	"m365_connector_exporter/probes/smtpprobe"
)

// daemon joins the two halves: the schedule's results go to the store, and what the configuration says goes to both.
type daemon struct {
	file     string
	hello    string // our name in EHLO
	log      *slog.Logger
	store    *collector.Store
	self     *collector.ExporterMetrics
	gatherer *collector.Gatherer // of the page of metrics
	gate     *schedule.Limiter
	runner   *schedule.Runner
	budget   *schedule.MessageBudget
	prober   atomic.Pointer[smtpprobe.Prober] // replaced on reload

	selfTest *selfTest

	judging   sync.Mutex // one judgement at a time; held for inventory and judged
	inventory *evaluate.Inventory
	judged    judged
	learned   atomic.Pointer[learned]
	stale     chan struct{} // tells keepLearning, which may be busy, to look again: one is enough

	refused atomic.Pointer[refusedReload] // the newest reload, while it is not the running configuration

	cfg atomic.Pointer[config.Config] // that runs

	reloads reloads
	loader  *config.Loader
}

// refusedReload is a configuration that could not be taken.
type refusedReload struct {
	err error
	at  time.Time
}

// plan is every path of a configuration; hello is the EHLO name where hello_name says nothing.
func plan(cfg *config.Config, hello string) []probes.Path {
	return probes.Plan(cfg.Tenants, cfg.Layers, hello)
}

func gateOptions(g config.Global) schedule.LimiterOptions {
	return schedule.LimiterOptions{MaxConcurrent: g.MaxConcurrent, MaxPerAddress: g.MaxConcurrentPerAddress, MinGap: g.MinGapPerAddress}
}

func proberOptions(cfg *config.Config, gate probes.Limiter, messages smtpprobe.MessageBudget) smtpprobe.Options {
	g := cfg.Global
	return smtpprobe.Options{
		ClientCertificate: func(id probes.PathID) *tls.Certificate {
			m, _ := cfg.Certificate(id.Tenant, id.Path)
			return m.Key
		},
		Roots: g.Roots, AllowNetworks: g.AllowNetworks, ExchangeOnlineHosts: g.ExchangeOnlineHosts,
		CheckRevocation: g.CheckRevocation, Limiter: gate, Now: time.Now, Messages: messages, Version: version.Version,
	}
}

// newDaemon prepares a daemon with a configuration and the loader that loaded it. Reloads end with ctx.
func newDaemon(ctx context.Context, loader *config.Loader, cfg *config.Config, hello string, log *slog.Logger) (*daemon, error) {
	budget, err := schedule.NewMessageBudget(cfg.Global.StateFile, time.Now)
	if err != nil {
		return nil, fmt.Errorf("global.state_file: %w", err)
	}
	budget.OnError(func(err error) {
		log.Error("no test message goes while the state file cannot be used", slog.Any("err", err))
	})
	self, err := newSelfTest(log)
	if err != nil {
		return nil, err
	}
	d := &daemon{
		file: loader.Path(), loader: loader, hello: hello, log: log, budget: budget, store: collector.NewStore(time.Now), gate: schedule.NewLimiter(gateOptions(cfg.Global)),
		selfTest: self, stale: make(chan struct{}, 1),
	}
	d.reloads = reloads{life: ctx, load: d.load}
	d.learned.Store(&learned{})
	d.runner = schedule.New(schedule.Options{
		Prober: d, Sink: d.store.Record, Logger: log,
		OnLag: func(lag time.Duration) { d.self.ObserveLag(lag) },
	})
	d.self = collector.NewExporterMetrics(collector.ExporterHooks{
		InFlight:   d.gate.InFlight,
		Throttled:  d.gate.Throttled,
		Skipped:    func() uint64 { return d.runner.Stats().Skipped },
		FirstRound: func() bool { return d.runner.Stats().FirstRoundComplete },
		SelfTest:   self.result,
	})
	d.gatherer = collector.NewGatherer(d.own(), d.self, d.store, d.store.ReportMetrics())
	d.apply(cfg)
	return d, nil
}

// Probe probes with the options of the present configuration.
func (d *daemon) Probe(ctx context.Context, p *probes.Path) *probes.Result {
	return d.prober.Load().Probe(ctx, p)
}

// apply makes a configuration the current one. Paths that it does not change keep their history and their place in time.
func (d *daemon) apply(cfg *config.Config) {
	d.tellChanges(d.cfg.Load(), cfg) // before they are drawn
	d.cfg.Store(cfg)
	paths := plan(cfg, d.hello)
	d.gate.SetOptions(gateOptions(cfg.Global))
	options := proberOptions(cfg, d.gate, d.budget)
	if old := d.prober.Load(); old != nil {
		d.prober.Store(old.WithOptions(options))
	} else {
		d.prober.Store(smtpprobe.New(options))
	}
	d.store.SetInventory(cfg.Tenants, paths)
	d.runner.SetPaths(paths)
	d.self.RecordReload(true, time.Now())
	d.refused.Store(nil)
	d.judging.Lock()
	d.inventory = inventoryOf(cfg)
	d.judging.Unlock()
	d.judgeNow()
	loaded := make(map[string]bool, len(cfg.Tenants))
	for _, t := range cfg.Tenants {
		loaded[t.Name] = t.LoadError == ""
	}
	d.self.SetTenantsLoaded(loaded)
	for _, w := range cfg.Warnings {
		d.log.Warn("configuration", slog.String("warning", w))
	}
	for _, problem := range cfg.Problems() {
		d.log.Error("a file of a tenant does not load", slog.Any("err", problem))
	}
	d.log.Info("configuration loaded", slog.String("file", d.file), slog.Int("tenants", len(cfg.Tenants)), slog.Int("paths", len(paths)))
}

// reload has the configuration read again, and waits until that is done.
func (d *daemon) reload(ctx context.Context, trigger string) error {
	return d.reloads.request(ctx, reloadRequest{trigger: trigger})
}

// reloadIfChanged reloads when a file named in the configuration has another content than at the last attempt.
func (d *daemon) reloadIfChanged(ctx context.Context) error {
	return d.reloads.request(ctx, reloadRequest{trigger: "a file has changed", ifChanged: true})
}

// load reads the configuration and applies it, unless ctx has ended by then. An invalid one leaves the old one running.
func (d *daemon) load(ctx context.Context, r reloadRequest) error {
	if r.ifChanged && !d.loader.Changed(ctx) {
		return nil
	}
	cfg, err := d.loader.Load(ctx)
	if ctx.Err() != nil {
		return errShutdown
	}
	if err != nil {
		d.self.RecordReload(false, time.Now())
		d.refused.Store(&refusedReload{err, time.Now()})
		d.log.Error("reload refused, the old configuration keeps running", slog.String("trigger", r.trigger), slog.Any("err", err))
		return fmt.Errorf("configuration not loaded, the old one keeps running:\n%w", err)
	}
	if cfg.Global.StateFile != d.cfg.Load().Global.StateFile {
		d.log.Warn("a new global.state_file takes effect at the next start")
	}
	d.log.Info("reload", slog.String("trigger", r.trigger))
	d.apply(cfg)
	d.learnAgain()
	return nil
}

// learnAgain has keepLearning look at once.
func (d *daemon) learnAgain() {
	select {
	case d.stale <- struct{}{}:
	default:
	}
}
