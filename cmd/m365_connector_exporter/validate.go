package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

type validateCommand struct {
	name    string
	targets *[]string
	until   *string
	timeout *time.Duration
	timed   *bool // --timeout was given
	send    *bool
	output  *string

	microsoft *bool
	smartHost *string
	tlsDomain *string
	roundTrip *string
}

func newValidateCommand(app *kingpin.Application) validateCommand {
	cmd := app.Command("validate", "Probe once, now, and print each path like Microsoft's validation dialog: "+
		"every stage, its outcome, the server's reply and the remedy. "+
		"Exit: 0 all passed, 1 something failed, 3 only inconclusive.")
	stages := make([]string, 0, probes.NumStages)
	for _, s := range probes.Stages {
		stages = append(stages, s.Name)
	}
	timed := new(bool)
	return validateCommand{
		timed: timed,
		name:  cmd.FullCommand(),
		targets: cmd.Arg("target", "A tenant, a connector or a path: TENANT[/DIRECTION][/CONNECTOR[/PATH]]. "+
			"DIRECTION is outbound or inbound. In names, / is written %2F and % is written %25. "+
			"A connector that is disabled or in test mode is probed only if it is named, and listed otherwise. "+
			"Default: every path that the daemon probes.").Strings(),
		until: cmd.Flag("until", "The last stage to probe: "+strings.Join(stages, ", ")+". "+
			"Default: as configured, but no message.").PlaceHolder("STAGE").Enum(stages...),
		timeout: cmd.Flag("timeout", "Timeout of each endpoint, such as 10s; at least 100ms. Default: as configured.").
			PlaceHolder("DURATION").IsSetByUser(timed).Duration(),
		send: cmd.Flag("send-test-message", "Go on to a test message to the validation recipients. "+
			"Refused until message_min_interval has passed since the last one.").Bool(),
		microsoft: cmd.Flag("microsoft", "Also run Microsoft's own Validate-OutboundConnector for each outbound connector "+
			"of the targets, and print both results. It sends a real message to the validation recipients.").Bool(),
		smartHost: cmd.Flag("smart-host", "Probe this host, which need not be configured, instead of targets: TLS is "+
			"required, and global.allow_networks and the section probe apply.").PlaceHolder("HOST").String(),
		tlsDomain: cmd.Flag("tls-domain", "With --smart-host: require a valid certificate for this name, as "+
			"TlsDomain with DomainValidation does.").PlaceHolder("NAME").String(),
		roundTrip: cmd.Flag("round-trip", "Send one message of this round trip now, within its daily limit, and wait until "+
			"it has arrived or is lost. A daemon that runs with the same state file sends it; else this command listens at "+
			"sink.listen itself. NAME, or TENANT/NAME. Exit: 0 delivered, 1 any other outcome, 2 no message may be sent now, "+
			"3 interrupted.").PlaceHolder("NAME").String(),
		output: cmd.Flag("output", "Format: text or json.").Default("text").Enum("text", "json"),
	}
}

func (c validateCommand) run(ctx context.Context, file string, s streams) int {
	if err := cmp.Or(c.checkMicrosoft(), c.checkSmartHost(), c.checkRoundTrip()); err != nil {
		return s.usageError(err)
	}
	if *c.roundTrip != "" {
		return c.runRoundTrip(ctx, file, s)
	}
	cfg, err := readForCommand(ctx, file, s)
	if err != nil {
		return exitUsage
	}
	untilStage, hasUntil := probes.ParseStage(*c.until)
	v := daemon.Validation{
		Targets: *c.targets, Until: untilStage, HasUntil: hasUntil, Timeout: *c.timeout, HasTimeout: *c.timed,
		SendMessage: *c.send,
	}
	planned, err := c.plan(cfg, s.hostname())
	if err != nil {
		return s.usageError(err)
	}
	paths, skipped, err := v.Paths(planned)
	if err != nil {
		return s.usageError(err)
	}
	var microsoft []daemon.MicrosoftValidation
	if *c.microsoft {
		if microsoft, err = daemon.MicrosoftValidations(cfg, paths); err != nil {
			return s.usageError(err)
		}
	}
	for _, why := range skipped {
		_, _ = fmt.Fprintln(s.err, why)
	}
	items, nextMessage, err := v.Validate(ctx, cfg, paths, newProgress(s.err, len(paths)))
	if err != nil {
		return s.usageError(err)
	}
	if err := c.print(s.out, items); err != nil {
		return exitFailed
	}
	if !nextMessage.IsZero() && *c.send {
		return s.usageError(fmt.Errorf("message_min_interval allows the next test message at %s",
			nextMessage.UTC().Format(time.RFC3339)))
	}
	status := validationStatus(items, len(*c.targets) == 0 && incomplete(cfg))
	if *c.microsoft {
		daemon.ValidateByMicrosoft(ctx, cfg, microsoft)
		status = printMicrosoft(s.out, microsoft, items, status)
	}
	return status
}

// plan returns the configured paths, or with --smart-host the path to that host.
func (c validateCommand) plan(cfg *config.Config, hostname string) ([]probes.Path, error) {
	if *c.smartHost == "" {
		return daemon.Plan(cfg, hostname), nil
	}
	path, err := daemon.UnconfiguredPath(cfg, *c.smartHost, *c.tlsDomain, hostname)
	return []probes.Path{path}, err
}

// checkSmartHost returns an error for flags that cannot be combined with --smart-host.
func (c validateCommand) checkSmartHost() error {
	switch {
	case *c.smartHost == "" && *c.tlsDomain != "":
		return errors.New("--tls-domain needs --smart-host; for a connector, tls_domain is in the configuration")
	case *c.smartHost != "" && len(*c.targets) > 0:
		return fmt.Errorf("--smart-host=%s cannot be combined with the target %q", *c.smartHost, (*c.targets)[0])
	case *c.smartHost != "" && (*c.send || *c.microsoft):
		return errors.New("--smart-host is for hosts without a connector: no test message is sent to them")
	}
	return nil
}

func (c validateCommand) print(out io.Writer, items []text.Item) error {
	if *c.output == "json" {
		return text.ValidationJSON(out, items)
	}
	return text.Validation(out, items, terminal(out))
}

// incomplete reports whether paths are missing, because a tenant did not load or was not read.
func incomplete(cfg *config.Config) bool {
	return len(cfg.Problems()) > 0 ||
		slices.ContainsFunc(cfg.Tenants, func(t mailflow.Tenant) bool { return t.LoadError != "" })
}

// validationStatus returns the exit status of a validation. Incomplete reports whether paths are missing because a
// tenant did not load.
func validationStatus(items []text.Item, incomplete bool) int {
	var summary evaluate.Summary
	for _, item := range items {
		summary.Add(item.Result)
	}
	switch outcome := summary.Outcome(); {
	case outcome == probes.Failed:
		return exitFailed
	case outcome == probes.Passed && !incomplete:
		return exitOK
	default:
		return exitInconclusive
	}
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminal returns the options for printing: colors and line wrapping only on a terminal.
func terminal(w io.Writer) text.Options {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(w) {
		return text.Options{}
	}
	width, _, _ := term.GetSize(int(f.Fd()))
	return text.Options{Color: os.Getenv("NO_COLOR") == "", Width: width}
}

// newProgress returns a function that counts finished paths in a line on a terminal; elsewhere it does nothing.
func newProgress(w io.Writer, total int) func() {
	if !isTerminal(w) {
		return func() {}
	}
	var mu sync.Mutex
	finished := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		finished++
		_, _ = fmt.Fprintf(w, "\rprobing: %d of %d paths", finished, total)
		if finished == total {
			_, _ = fmt.Fprint(w, "\r\x1b[K")
		}
	}
}
