// Package daemon connects the parts of the exporter.
//
// While a [Daemon] runs, data flow one way:
//
//  1. The configuration names the tenants, connectors and senders; from these follow the paths.
//  2. The schedule probes each path at its interval; results go to the store.
//  3. Lookups collect what probes do not record: MX records, certificates of certificate.smtp, and MTA-STS policies.
//  4. The evaluator evaluates the configuration, the newest results and the lookups; the report goes to the store.
//  5. The HTTP handler serves what is in the store: metrics, pages, JSON.
//
// A reload replaces the configuration; paths that it leaves as they are keep their history. A self-test probes a mail
// server inside the process, so that an alert can distinguish a broken exporter from broken mail.
//
// The commands that run once use the same steps: see [Validation.Validate], [Audit] and [SimulateRenewal].
package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/httpfetch"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/schedule"
	"m365_connector_exporter/probes/smtpprobe"
)

// pollInterval is how often the files named in the configuration are checked for changes. Their hashes are compared:
// file notifications miss the symbolic link swap of a ConfigMap.
const pollInterval = 10 * time.Second

// Daemon is the running exporter.
type Daemon struct {
	loader    *config.Loader
	helloName string
	log       *slog.Logger

	store    *collector.Store
	metrics  *collector.ExporterMetrics
	gatherer *collector.Gatherer
	limiter  *schedule.Limiter
	runner   *schedule.Runner
	budget   *schedule.MessageBudget
	prober   atomic.Pointer[smtpprobe.Prober] // replaced on reload
	selfTest *selfTest
	history  *historyFile
	trips    *roundTrips
	controls *controls

	lookups   *lookups
	endpoints *endpointsReader
	policies  *policies
	evaluator *evaluator

	policyHosts *policyHosts

	cfg      atomic.Pointer[config.Config]
	rejected atomic.Pointer[rejectedReload] // the latest reload, if it failed
	reloads  reloads
}

// rejectedReload is a configuration that does not load.
type rejectedReload struct {
	err error
	at  time.Time
}

// New prepares a daemon that runs cfg, which loader has loaded. Paths without a configured hello_name use helloName
// in EHLO. Reloads end with ctx.
func New(
	ctx context.Context, loader *config.Loader, cfg *config.Config, helloName string, log *slog.Logger,
) (*Daemon, error) {
	//nolint:contextcheck // reading the file has a deadline of its own
	budget, err := schedule.NewMessageBudget(cfg.Global.StateFile, time.Now)
	if err != nil {
		return nil, fmt.Errorf("global.state_file: %w", err)
	}
	budget.OnError(func(err error) {
		log.Error("no test message is sent and no negative control is run while the state file cannot be used",
			slog.Any("err", err))
	})
	test, err := newSelfTest(log)
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		loader: loader, helloName: helloName, log: log, budget: budget, selfTest: test,
		store: collector.NewStore(time.Now), limiter: schedule.NewLimiter(limiterOptions(cfg.Global)),
	}
	d.history = newHistoryFile(cfg.Global.StateFile, d.store, log)
	if d.trips, err = newRoundTrips(ctx, cfg, d, d.store, log); err != nil {
		return nil, err
	}
	d.trips.tlsReports.lookupTXT = d.lookUpTXT
	d.controls = newControls(ctx, d)
	d.reloads = reloads{life: ctx, load: d.load, pace: rate.NewLimiter(reloadsPerSecond, reloadBurst)}
	d.runner = schedule.New(schedule.Options{
		Prober: d, Sink: d.record, Logger: log, OnLag: func(lag time.Duration) { d.metrics.ObserveLag(lag) },
	})
	d.metrics = collector.NewExporterMetrics(collector.ExporterHooks{
		InFlight:   d.limiter.InFlight,
		Warnings:   d.warnings,
		Throttled:  d.limiter.Throttled,
		Skipped:    func() uint64 { return d.runner.Stats().Skipped },
		FirstRound: func() bool { return d.runner.Stats().FirstRoundComplete },
		SelfTest:   test.result,
		Sink:       d.trips.sinkCounts,
	})
	d.gatherer = collector.NewGatherer(
		d.registry(), d.metrics, d.store, d.store.ReportMetrics(), d.store.SourceMetrics(),
		d.store.RoundTripMetrics())
	loader.Reader().OnRead = d.recordRead
	d.lookups = newLookups(d.lookUp)
	documents := httpfetch.New()
	d.endpoints = newEndpointsReader(func(ctx context.Context, r httpfetch.Request) ([]byte, error) {
		servers := dnsServers(d.cfg.Load().Layers("", mailflow.Outbound, "", ""))
		return documents.Get(ctx, d.prober.Load().Network(servers), r)
	}, cfg.Global.StateFile, log)
	d.policyHosts = &policyHosts{prober: d.prober.Load}
	d.policies = newPolicies(d.policyHosts)
	d.evaluator = &evaluator{
		store: d.store, lookups: d.lookups, policies: d.policies, stateFileError: budget.Err,
		firewall:       d.endpoints.compared.Load,
		vantageBlocked: func() bool { return d.runner.Stats().VantageBlocked },
	}
	d.history.restore(ctx)
	d.apply(ctx, cfg)
	return d, nil
}

// SetPolicyPort sets the port of hosts of MTA-STS policies, for a lab. Call it before Run.
func (d *Daemon) SetPolicyPort(port int) { d.policyHosts.port = port }

// Probe probes a path with the options of the current configuration.
func (d *Daemon) Probe(ctx context.Context, p *probes.Path) *probes.Result {
	return d.prober.Load().Probe(ctx, p)
}

// record takes the result of a scheduled round.
func (d *Daemon) record(r probes.Result) {
	d.store.Record(r)
	if state := d.store.Find(r.Path); state != nil {
		d.controls.start(state.Path, &r)
	}
}

// Run probes and evaluates until ctx ends, and returns when every probe has ended. It reloads the configuration when
// hangup receives a signal and when a file named in the configuration changes.
func (d *Daemon) Run(ctx context.Context, hangup <-chan os.Signal) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { d.runner.Run(ctx); return nil })
	group.Go(func() error { d.evaluator.run(ctx); return nil })
	group.Go(func() error { d.lookups.refreshLoop(ctx, d.evaluator.evaluateNow); return nil })
	group.Go(func() error { d.endpoints.run(ctx, d.evaluator.evaluateNow); return nil })
	group.Go(func() error { d.policies.run(ctx); return nil })
	group.Go(func() error { d.watchClock(ctx); return nil })
	group.Go(func() error { d.loader.Reader().Run(ctx); return nil })
	group.Go(func() error { d.selfTest.run(ctx); return nil })
	group.Go(func() error { d.reloadAtHangups(ctx, hangup); return nil })
	group.Go(func() error { d.pollFiles(ctx); return nil })
	group.Go(func() error { d.history.run(ctx); return nil })
	group.Go(func() error { return d.trips.run(ctx) })
	err := group.Wait()
	d.controls.stop()
	d.history.save()
	return err
}

func (d *Daemon) reloadAtHangups(ctx context.Context, hangup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			_ = d.reload(ctx, "SIGHUP") // logged and counted there
		}
	}
}

func (d *Daemon) pollFiles(ctx context.Context) {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
			_ = d.reloadIfChanged(ctx) // logged and counted there
		}
	}
}

// reload reads the configuration again, and returns when that is done.
func (d *Daemon) reload(ctx context.Context, trigger string) error {
	return d.reloads.request(ctx, reloadRequest{trigger: trigger})
}

// reloadIfChanged reloads if a file named in the configuration differs from what was last read.
func (d *Daemon) reloadIfChanged(ctx context.Context) error {
	return d.reloads.request(ctx, reloadRequest{trigger: "a file or an inventory has changed", ifChanged: true})
}

// load reads the configuration and applies it, unless ctx has ended by then. An invalid one changes nothing.
func (d *Daemon) load(ctx context.Context, r reloadRequest) error {
	if r.ifChanged && !d.loader.Changed(ctx) {
		return nil
	}
	cfg, err := d.loader.Load(ctx)
	if ctx.Err() != nil {
		return errShutdown
	}
	if err == nil {
		err = d.trips.checkReload(cfg)
	}
	if err != nil {
		d.metrics.RecordReload(false, time.Now())
		d.rejected.Store(&rejectedReload{err, time.Now()})
		d.log.Error("reload rejected, the old configuration stays in use",
			slog.String("trigger", r.trigger), slog.Any("err", err))
		return fmt.Errorf("configuration not loaded, the old one stays in use:\n%w", err)
	}
	if cfg.Global.StateFile != d.cfg.Load().Global.StateFile {
		d.log.Warn("a new global.state_file takes effect at the next start")
	}
	d.log.Info("reload", slog.String("trigger", r.trigger))
	d.apply(ctx, cfg)
	if !r.ifChanged {
		d.loader.Reader().ReadAll()
	}
	d.lookups.refreshNow()
	return nil
}

// apply makes a configuration the current one.
func (d *Daemon) apply(ctx context.Context, cfg *config.Config) {
	d.recordChanges(d.cfg.Load(), cfg) // before the report, which exposes the counters
	d.cfg.Store(cfg)
	d.limiter.SetOptions(limiterOptions(cfg.Global))
	options := proberOptions(cfg, d.limiter, d.budget)
	if old := d.prober.Load(); old != nil {
		d.prober.Store(old.WithOptions(options))
	} else {
		d.prober.Store(smtpprobe.New(options))
	}
	paths := Plan(cfg, d.helloName)
	d.store.SetInventory(cfg.Tenants, paths)
	d.readTenants(ctx, cfg)
	d.trips.use(cfg, paths, d.helloName)
	d.endpoints.use(ctx, cfg)
	d.controls.forget()
	d.runner.SetPaths(paths)
	d.policies.use(policySubjects(cfg, paths))
	d.metrics.RecordReload(true, time.Now())
	d.rejected.Store(nil)
	d.evaluator.setInventory(Inventory(cfg))
	d.recordLoadErrors(cfg)
	d.log.Info("configuration loaded", slog.String("file", d.loader.Path()),
		slog.Int("tenants", len(cfg.Tenants)), slog.Int("paths", len(paths)))
}

// recordLoadErrors exposes and logs which tenants did not load, and logs the warnings of a configuration.
func (d *Daemon) recordLoadErrors(cfg *config.Config) {
	loaded := make(map[string]bool, len(cfg.Tenants))
	for _, t := range cfg.Tenants {
		loaded[t.Name] = t.LoadError == ""
	}
	d.metrics.SetTenantsLoaded(loaded)
	for _, w := range cfg.WarningLines() {
		d.log.Warn("configuration", slog.String("warning", w))
	}
	for _, problem := range cfg.Problems() {
		d.log.Error("a file of a tenant does not load; the tenant keeps its last good state, if there is one",
			slog.Any("err", problem))
	}
}
