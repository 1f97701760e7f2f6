package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
)

// defaultListenAddress is not registered for any other exporter.
const defaultListenAddress = ":10587"

// defaultMaxConnections is that of Prometheus.
const defaultMaxConnections = "512"

type serveCommand struct {
	check       *bool
	web         *web.FlagConfig
	externalURL *string
	routePrefix *string
	connections *int
	pprof       *string
}

func newServeCommand(app *kingpin.Application, byDefault bool) serveCommand {
	cmd := app.Command("serve", "Probe every path at its interval, and serve the pages and /metrics. "+
		"This is the default command.")
	if byDefault {
		cmd.Default()
	}
	return serveCommand{
		check: cmd.Flag("config.check", "Check the configuration and every file it names, then exit.").Bool(),
		web:   kingpinflag.AddFlags(cmd, defaultListenAddress),
		externalURL: cmd.Flag("web.external-url", "The URL under which this exporter is reached from outside, "+
			"such as https://mon.example.org/m365.").
			Default("").String(),
		routePrefix: cmd.Flag("web.route-prefix", "Prefix of all HTTP routes. Default: the path of --web.external-url.").
			Default("").String(),
		connections: cmd.Flag("web.max-connections", "Maximum number of simultaneous connections across all listeners. "+
			"More are closed at once.").Default(defaultMaxConnections).Int(),
		pprof: cmd.Flag("debug.pprof-address", "Serve profiles of the Go runtime on this address, e.g. 127.0.0.1:6060. "+
			"Off by default.").Default("").String(),
	}
}

func (c serveCommand) run(ctx context.Context, file string, s streams) int {
	if err := c.checkFlags(ctx); err != nil {
		return s.usageError(err)
	}
	if *c.check {
		return once(ctx, s, func(ctx context.Context) int { return checkConfig(ctx, file, s) })
	}
	ignoreBrokenPipes()
	s.log.Info("starting "+program, slog.String("version", version.Info()), slog.String("file", file))
	d, err := loadDaemon(ctx, file, s)
	switch {
	case ctx.Err() != nil:
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintln(s.err, err)
		return exitUsage
	}
	warnIfOpen(ctx, c.web, s)
	return serve(ctx, d, daemon.ServeOptions{
		Web: c.web,
		Handler: daemon.HandlerOptions{
			Prefix: routePrefix(*c.routePrefix, *c.externalURL),
			Hosts:  hostNames(*c.web.WebListenAddresses, *c.externalURL),
		},
		MaxConnections: *c.connections,
		PprofAddress:   *c.pprof,
	}, s)
}

// loadDaemon reads the configuration and prepares the daemon. It returns an error if ctx ends first.
func loadDaemon(ctx context.Context, file string, s streams) (*daemon.Daemon, error) {
	type started struct {
		d   *daemon.Daemon
		err error
	}
	result, ok := await(ctx, func() started {
		loader := config.NewLoader(file)
		cfg, err := loader.Load(ctx)
		if err != nil {
			return started{err: err}
		}
		d, err := daemon.New(ctx, loader, cfg, s.hostname(), s.log)
		if err != nil {
			return started{err: fmt.Errorf("%s: %w", program, err)}
		}
		return started{d: d}
	})
	if !ok {
		return nil, context.Cause(ctx)
	}
	return result.d, result.err
}

// checkFlags returns an error for flags that cannot work, before anything starts: later it would look like a failure.
func (c serveCommand) checkFlags(ctx context.Context) error {
	if err := daemon.CheckWebConfig(ctx, *c.web.WebConfigFile); err != nil {
		return fmt.Errorf("--web.config.file=%s: %w", *c.web.WebConfigFile, err)
	}
	for _, address := range *c.web.WebListenAddresses {
		if err := checkListen(ctx, address); err != nil && !*c.web.WebSystemdSocket {
			return fmt.Errorf("--web.listen-address: %w", err)
		}
	}
	if *c.connections < 1 {
		return fmt.Errorf("--web.max-connections: %d: must be at least 1", *c.connections)
	}
	if err := checkListen(ctx, *c.pprof); err != nil && *c.pprof != "" {
		return fmt.Errorf("--debug.pprof-address: %w", err)
	}
	if err := checkExternalURL(*c.externalURL); err != nil {
		return fmt.Errorf("--web.external-url: %w", err)
	}
	if !plainPath(*c.routePrefix) {
		return fmt.Errorf("--web.route-prefix: %q: must be a path such as /m365", *c.routePrefix)
	}
	return nil
}

// serve runs a daemon until ctx ends, and returns the exit status.
func serve(ctx context.Context, d *daemon.Daemon, o daemon.ServeOptions, s streams) int {
	o.Hangup = s.hangup.signals
	if err := d.Serve(ctx, o); err != nil {
		s.log.Error("stopped", slog.Any("err", err))
		return exitFailed
	}
	return exitOK
}

// checkConfig prints all errors of a configuration, and returns the exit status.
func checkConfig(ctx context.Context, file string, s streams) int {
	cfg, err := config.Load(ctx, file)
	if err != nil {
		_, _ = fmt.Fprintln(s.err, err)
		return exitUsage
	}
	for _, w := range cfg.WarningLines() {
		_, _ = fmt.Fprintln(s.err, "warning:", w)
	}
	stateErr := daemon.CheckStateFile(cfg) //nolint:contextcheck // reading the file has a deadline of its own
	if stateErr != nil {
		_, _ = fmt.Fprintf(s.err, "%s: %v\n", file, stateErr)
	}
	problems := cfg.Problems()
	if len(problems) > 0 {
		_, _ = fmt.Fprintln(s.err, problems)
	}
	if len(problems) > 0 || stateErr != nil {
		return exitUsage
	}
	_, _ = fmt.Fprintf(s.out, "%s: OK; tenants: %d, paths: %d\n", file, len(cfg.Tenants), len(daemon.Plan(cfg, "")))
	return exitOK
}
