// Command m365_connector_exporter is a Prometheus exporter for Exchange Online connectors. It probes every mail path
// between Microsoft 365 and an organization's own mail servers, and reports which fail, which will fail, and why.
//
// This package reads flags, prints results and returns exit statuses, one file per command. What the commands do is in
// package daemon.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
)

const program = "m365_connector_exporter"

const (
	defaultConfig  = "config.yaml"
	packagedConfig = "/etc/m365_connector_exporter/config.yaml" // of the packages, the image and the chart
)

// The exit statuses of all commands.
const (
	exitOK           = 0
	exitFailed       = 1
	exitUsage        = 2 // bad usage or configuration
	exitInconclusive = 3
)

func main() {
	ctx, hangup := handleSignals()
	if code, ok := asService(); ok {
		os.Exit(code)
	}
	os.Exit(run(ctx, hangup, os.Args[1:], os.Stdout, os.Stderr))
}

// streams connect a command with its process: where it writes, the signals it receives, and the name of its host.
type streams struct {
	out, err io.Writer
	log      *slog.Logger
	hangup   hangups
	hostname func() string // looks it up at the first call
}

// usageError prints an error of the command line or of the configuration, and returns its exit status.
func (s streams) usageError(err error) int {
	_, _ = fmt.Fprintf(s.err, "%s: %v\n", program, err)
	return exitUsage
}

// loadForCommand loads the configuration, and prints its errors, its warnings and the mistakes of the tenants that do
// not load.
func loadForCommand(ctx context.Context, file string, s streams) (*config.Config, error) {
	cfg, err := config.Load(ctx, file)
	if err != nil {
		_, _ = fmt.Fprintln(s.err, err)
		return nil, err
	}
	printLoaded(cfg, s)
	return cfg, nil
}

// readForCommand is loadForCommand for a command that uses the network: it also reads the tenants that are read from
// Exchange Online, unless the cache folder has their records.
func readForCommand(ctx context.Context, file string, s streams) (*config.Config, error) {
	loader := config.NewLoader(file)
	cfg, err := loader.Load(ctx)
	if err == nil {
		cfg, err = daemon.ReadUnread(ctx, loader, cfg)
	}
	if err != nil {
		_, _ = fmt.Fprintln(s.err, err)
		return nil, err
	}
	for name, state := range loader.Reader().States() {
		if c, failed := state.Failed(); failed {
			_, _ = fmt.Fprintf(s.err, "not read: %s: %s: %s: %s\n", name, c.Reason, c.Cmdlet, c.Message)
		}
	}
	printLoaded(cfg, s)
	return cfg, nil
}

// printLoaded prints the warnings of a configuration, and the mistakes because of which tenants do not load.
func printLoaded(cfg *config.Config, s streams) {
	for _, w := range cfg.WarningLines() {
		_, _ = fmt.Fprintln(s.err, "warning:", w)
	}
	for _, problem := range cfg.Problems() {
		_, _ = fmt.Fprintln(s.err, "not loaded:", problem)
	}
}

// run runs the command that args name, and returns its exit status.
func run(ctx context.Context, hangup hangups, args []string, stdout, stderr io.Writer) int {
	app := kingpin.New(program, "Monitors every mail path between Microsoft 365 and your own mail servers.\n\n"+
		"\""+program+" demo\" shows it without any configuration. \""+program+" help COMMAND\" describes all flags of a "+
		"command, with examples.\n\n"+
		"Common flags: --config.file (all commands except demo), --output=json (all except serve, fetch and demo), and for "+
		"serve: --config.check, --web.listen-address, --web.config.file (TLS and passwords), --web.external-url, "+
		"--log.level.\n\n"+
		"Exit statuses: 0 OK, 1 something failed, 2 invalid usage or configuration, 3 inconclusive.")
	app.UsageWriter(stdout).ErrorWriter(stderr).HelpFlag.Short('h')
	app.Version(version.Print(program))
	var configNamed bool
	configFile := app.Flag("config.file", "The configuration file.").IsSetByUser(&configNamed).
		Default(defaultConfig).String()
	logConfig := &promslog.Config{Writer: stderr}
	promslogflag.AddFlags(app, logConfig)

	serve := newServeCommand(app, !completesWord(args))
	validate := newValidateCommand(app)
	audit := newAuditCommand(app)
	attribute := newAttributeCommand(app)
	rehearse := newRehearseCommand(app)
	fetch := newFetchCommand(app)
	demo := newDemoCommand(app)
	addExamples(app)

	if word, unknown := unknownHelp(args, app); unknown {
		_, _ = fmt.Fprintf(stderr, "%s: %s\n", program, unexpected(word, args, app))
		return exitUsage
	}
	command, err := app.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "%s: %s (try --help)\n", program, usage(err, args, app))
		return exitUsage
	}
	s := streams{
		out: stdout, err: stderr, log: promslog.New(logConfig), hangup: hangup,
		hostname: sync.OnceValue(func() string { return daemon.Hostname(ctx) }),
	}
	if err := checkConfigFile(*configFile, configNamed, command == demo.name); err != nil {
		return s.usageError(err)
	}
	commands := map[string]func(ctx context.Context, file string, s streams) int{
		validate.name: validate.run, audit.name: audit.run, attribute.name: attribute.run, rehearse.name: rehearse.run,
		fetch.name: fetch.run,
	}
	if run, ok := commands[command]; ok {
		return once(ctx, s, func(ctx context.Context) int { return run(ctx, *configFile, s) })
	}
	if command == demo.name {
		return demo.run(ctx, s)
	}
	lines := newLineWriter(stderr)
	defer lines.close(logGrace)
	logConfig.Writer = lines
	s.log, s.err = promslog.New(logConfig), lines // in the order in which they are written
	return serve.run(ctx, *configFile, s)
}

// checkConfigFile returns an error if --config.file is given to demo, or is not given and no default file exists.
func checkConfigFile(file string, named, demo bool) error {
	switch {
	case demo && named:
		return fmt.Errorf("demo writes its own configuration: run it without --config.file=%s", file)
	case !demo && file == "":
		return fmt.Errorf("--config.file: no value: name the configuration, for example --config.file=%s", packagedConfig)
	case !demo && file == defaultConfig && missing(defaultConfig):
		return fmt.Errorf("no %s in this folder: name the configuration, for example --config.file=%s",
			defaultConfig, packagedConfig)
	}
	return nil
}

func missing(file string) bool {
	_, err := os.Stat(file)
	return errors.Is(err, fs.ErrNotExist)
}

// completesWord reports whether a shell asks to complete a line that does not end in a flag. Kingpin then completes
// commands only if none of them is the default.
func completesWord(args []string) bool {
	return len(args) > 1 && args[0] == "--completion-bash" && !strings.HasPrefix(args[len(args)-1], "-")
}
