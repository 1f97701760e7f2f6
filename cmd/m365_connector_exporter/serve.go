package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"
	"golang.org/x/sync/errgroup"
	"gopkg.in/yaml.v3"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/schedule"
)

// defaultListenAddress is registered nowhere else (contract, "Default listen address").
const defaultListenAddress = ":10587"

// pollInterval is how often the files named in the configuration are looked at for changes. A hash survives what file
// notifications miss: the symbolic link swap of a ConfigMap.
const pollInterval = 10 * time.Second

type serveCommand struct {
	check       *bool
	web         *web.FlagConfig
	externalURL *string
	routePrefix *string
	pprof       *string
}

func newServeCommand(app *kingpin.Application, byDefault bool) serveCommand {
	cmd := app.Command("serve", "Probe every path at its interval and serve the pages and /metrics. What runs where no command is named.")
	if byDefault {
		cmd.Default()
	}
	return serveCommand{
		check:       cmd.Flag("config.check", "Check the configuration and every file it names, then exit.").Bool(),
		web:         kingpinflag.AddFlags(cmd, defaultListenAddress),
		externalURL: cmd.Flag("web.external-url", "The URL under which this exporter is reached from outside.").Default("").String(),
		routePrefix: cmd.Flag("web.route-prefix", "Prefix of all HTTP routes. Default: the path of --web.external-url.").Default("").String(),
		pprof:       cmd.Flag("debug.pprof-address", "Serve profiles of the Go runtime on this address, e.g. 127.0.0.1:6060. Off by default.").Default("").String(),
	}
}

func (c serveCommand) run(ctx context.Context, file string, s streams) int {
	if err := c.checkFlags(ctx); err != nil {
		_, _ = fmt.Fprintf(s.err, "%s: %v\n", program, err)
		return exitUsage
	}
	if *c.check {
		return once(ctx, s, func(ctx context.Context) int { return checkConfig(ctx, file, s) })
	}
	prefix, err := routePrefix(*c.routePrefix, *c.externalURL)
	if err != nil {
		_, _ = fmt.Fprintf(s.err, "%s: --web.external-url: %v\n", program, err)
		return exitUsage
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
	warnIfOpen(c.web, s)
	return c.serve(ctx, d, prefix, s)
}

// loadDaemon reads the configuration and prepares the daemon. It returns an error where ctx ends first.
func loadDaemon(ctx context.Context, file string, s streams) (*daemon, error) {
	type started struct {
		d   *daemon
		err error
	}
	result, ok := await(ctx, func() started {
		loader := config.NewLoader(file)
		cfg, err := loader.Load(ctx)
		if err != nil {
			return started{err: err}
		}
		d, err := newDaemon(ctx, loader, cfg, s.hostname(), s.log)
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

// checkFlags tells bad usage before anything starts: later it would look like a failure.
func (c serveCommand) checkFlags(ctx context.Context) error {
	if err := web.Validate(*c.web.WebConfigFile); err != nil {
		return fmt.Errorf("--web.config.file=%s: %w", *c.web.WebConfigFile, err)
	}
	for _, address := range *c.web.WebListenAddresses {
		if err := checkListen(ctx, address); err != nil && !*c.web.WebSystemdSocket {
			return fmt.Errorf("--web.listen-address: %w", err)
		}
	}
	if err := checkListen(ctx, *c.pprof); err != nil && *c.pprof != "" {
		return fmt.Errorf("--debug.pprof-address: %w", err)
	}
	return nil
}

// checkListen reports whether an address has the form that one can listen on. The toolkit knows vsock:// besides.
func checkListen(ctx context.Context, address string) error {
	if strings.HasPrefix(address, "vsock://") {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	return err
}

// serve runs the daemon and its listener until ctx ends or one of them fails, and returns when every probe has ended.
func (c serveCommand) serve(ctx context.Context, d *daemon, prefix string, s streams) int {
	server := &http.Server{
		Handler:           d.handler(prefix),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn), // handshakes that fail, too
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.run(ctx, s.hangup.signals) })
	group.Go(func() error { return servePprof(ctx, *c.pprof) })
	group.Go(func() error {
		err := web.ListenAndServe(server, c.web, s.log)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("listen: %w", err)
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			return server.Close()
		}
		return nil
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		s.log.Error("stopped", slog.Any("err", err))
		return exitFailed
	}
	s.log.Info("stopped, every probe has ended")
	return exitOK
}

// run watches until ctx ends: it probes, and reloads on SIGHUP and whenever a file named in the configuration changes.
func (d *daemon) run(ctx context.Context, hangup <-chan os.Signal) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { d.runner.Run(ctx); return nil })
	group.Go(func() error { return d.keepJudging(ctx) })
	group.Go(func() error { return d.keepTime(ctx) })
	group.Go(func() error { return keepLearning(ctx, d.stale, d.learn) })
	group.Go(func() error { return d.selfTest.run(ctx) })
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-hangup:
				_ = d.reload(ctx, "SIGHUP") // logged and counted there
			}
		}
	})
	group.Go(func() error { return d.pollFiles(ctx) })
	return group.Wait()
}

// pollFiles reloads whenever a file named in the configuration has changed, until ctx ends.
func (d *daemon) pollFiles(ctx context.Context) error {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
			_ = d.reloadIfChanged(ctx) // logged and counted there
		}
	}
}

func checkConfig(ctx context.Context, file string, s streams) int {
	cfg, err := config.Load(ctx, file)
	if err != nil {
		_, _ = fmt.Fprintln(s.err, err)
		return exitUsage
	}
	for _, w := range cfg.Warnings {
		_, _ = fmt.Fprintln(s.err, "warning:", w)
	}
	stateErr := schedule.CheckStateFile(cfg.Global.StateFile, time.Now())
	if stateErr != nil { // the daemon would not start, or would send no test message
		_, _ = fmt.Fprintf(s.err, "%s: global.state_file: %v\n", file, stateErr)
	}
	problems := cfg.Problems()
	if len(problems) > 0 {
		_, _ = fmt.Fprintln(s.err, problems)
	}
	if len(problems) > 0 || stateErr != nil {
		return exitUsage
	}
	_, _ = fmt.Fprintf(s.out, "%s: good; tenants: %d, paths: %d\n", file, len(cfg.Tenants), len(plan(cfg, "")))
	return exitOK
}

// warnIfOpen tells that anybody who reaches the listener can read who mails with whom.
func warnIfOpen(flags *web.FlagConfig, s streams) {
	if asksWho(*flags.WebConfigFile) {
		return
	}
	for _, address := range *flags.WebListenAddresses {
		if !isLoopback(address) {
			s.log.Warn("the listener is reachable from other hosts and asks for no password; see --web.config.file", slog.String("address", address))
		}
	}
}

// asksWho tells whether a web configuration file has visitors say who they are: by a password, or by a certificate of an authority that
// it names. TLS alone keeps nobody out, and a certificate that nobody verifies anybody can make. The file has been found valid before.
func asksWho(webConfig string) bool {
	var c struct {
		Users map[string]string `yaml:"basic_auth_users"`
		TLS   struct {
			ClientAuth string `yaml:"client_auth_type"`
		} `yaml:"tls_server_config"`
	}
	text, err := os.ReadFile(webConfig) //nolint:gosec // the operator names it
	if err != nil || yaml.Unmarshal(text, &c) != nil {
		return false
	}
	return len(c.Users) > 0 || c.TLS.ClientAuth == "RequireAndVerifyClientCert"
}
