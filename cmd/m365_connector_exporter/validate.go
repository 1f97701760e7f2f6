package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/schedule"
	"m365_connector_exporter/probes/smtpprobe"
)

type validateCommand struct {
	name    string
	targets *[]string
	until   *string
	timeout *time.Duration
	timed   *bool // --timeout was given
	send    *bool
	output  *string
}

func newValidateCommand(app *kingpin.Application) validateCommand {
	cmd := app.Command("validate", "Probe once, now, and print each path like Microsoft's validation dialog: "+
		"every stage, its outcome, the server's words and the remedy. Exit: 0 all passed, 1 something failed, 3 only inconclusive.")
	words := make([]string, 0, probes.NumStages)
	for _, s := range probes.Stages {
		words = append(words, s.Name)
	}
	timed := new(bool)
	return validateCommand{
		timed: timed,
		name:  cmd.FullCommand(),
		targets: cmd.Arg("target", "A tenant, a connector or a path: TENANT[/DIRECTION][/CONNECTOR[/PATH]]. DIRECTION is outbound or inbound. "+
			"In names, / is written %2F and % is written %25. Default: every path that the daemon probes.").Strings(),
		until:   cmd.Flag("until", "The last stage to probe: "+strings.Join(words, ", ")+". Default: as configured, but no message.").Enum(words...),
		timeout: cmd.Flag("timeout", "How long each endpoint may take, at least 100ms. Default: as configured.").IsSetByUser(timed).Duration(),
		send:    cmd.Flag("send-test-message", "Go on to a test message to the validation recipients. Refused until message_min_interval has passed since the last one.").Bool(),
		output:  cmd.Flag("output", "Format: text or json.").Default("text").Enum("text", "json"),
	}
}

func (c validateCommand) run(ctx context.Context, file string, s streams) int {
	cfg, err := config.Load(ctx, file)
	if err != nil {
		_, _ = fmt.Fprintln(s.err, err)
		return exitUsage
	}
	problems := cfg.Problems()
	for _, problem := range problems {
		_, _ = fmt.Fprintln(s.err, "not loaded:", problem)
	}
	paths, left, err := c.choose(plan(cfg, s.hostname()))
	if err != nil {
		_, _ = fmt.Fprintf(s.err, "%s: %v\n", program, err)
		return exitUsage
	}
	for _, why := range left {
		_, _ = fmt.Fprintln(s.err, why)
	}
	budget, err := c.budget(cfg.Global.StateFile)
	if err != nil {
		_, _ = fmt.Fprintf(s.err, "%s: global.state_file: %v\n", program, err)
		return exitUsage
	}
	refusals := &refusals{inner: budget}
	gate := schedule.NewLimiter(gateOptions(cfg.Global))
	items := probeAll(ctx, smtpprobe.New(proberOptions(cfg, gate, refusals)), paths, newProgress(s.err, len(paths)))
	if err := c.print(s.out, items); err != nil {
		return exitFailed
	}
	if why := refusals.text(); *c.send && why != "" {
		_, _ = fmt.Fprintf(s.err, "%s: %s\n", program, why)
		return exitUsage
	}
	return exitCode(items, len(problems) > 0 && len(*c.targets) == 0)
}

// budget is the one that the state file holds. Without a message to send nothing is asked of it: the file is the daemon's, and need
// not be readable by whoever validates.
func (c validateCommand) budget(stateFile string) (*schedule.MessageBudget, error) {
	if !*c.send {
		stateFile = ""
	}
	return schedule.NewMessageBudget(stateFile, time.Now)
}

// choose picks the paths and how far to climb. A disabled connector is probed when asked for by name: that is how one
// validates before turning it on. No message is ever sent without the flag.
func (c validateCommand) choose(all []probes.Path) (chosen []probes.Path, left []string, err error) {
	if chosen, left, err = pick(*c.targets, all); err != nil {
		return nil, nil, err
	}
	until, hasUntil := probes.ParseStage(*c.until)
	if until == probes.Message && hasUntil && !*c.send {
		return nil, nil, fmt.Errorf("--until=message sends mail: say --send-test-message")
	}
	if until != probes.Message && hasUntil && *c.send {
		return nil, nil, fmt.Errorf("--send-test-message goes on to the message: leave --until=%s out", until)
	}
	if *c.timed && *c.timeout < 100*time.Millisecond {
		return nil, nil, fmt.Errorf("--timeout must be at least 100ms")
	}
	for i := range chosen {
		p := &chosen[i]
		allowed := p.Settings.Until
		switch {
		case *c.send:
			p.Settings.Until = probes.Message
		case hasUntil:
			p.Settings.Until = until
		}
		if p.ID.Direction == mailflow.Inbound {
			p.Settings.Until = min(p.Settings.Until, allowed) // never further than its sender allows, and never a message
		}
		if !*c.send && p.Settings.Until == probes.Message {
			p.Settings.Until = probes.Recipient
		}
		if p.Settings.Until >= probes.Recipient && len(p.Recipients) == 0 {
			return nil, nil, fmt.Errorf("%s: --until=%s needs validation_recipients", p.ID, p.Settings.Until)
		}
		if *c.timed {
			p.Settings.Timeout = *c.timeout
		}
	}
	return chosen, left, nil
}

// pick finds what the targets mean; left says which paths of a tenant or a connector cannot be probed. It is a mistake to ask for
// nothing else.
func pick(targets []string, all []probes.Path) (chosen []probes.Path, left []string, err error) {
	if len(targets) == 0 {
		chosen = slices.DeleteFunc(slices.Clone(all), func(p probes.Path) bool { return p.NotProbed != "" || p.NotProbeable != "" })
		if len(chosen) == 0 {
			return nil, nil, fmt.Errorf("the configuration has no path to probe")
		}
		return chosen, nil, nil
	}
	ids := make([]probes.PathID, 0, len(all))
	byID := map[probes.PathID]probes.Path{}
	for _, p := range all {
		ids = append(ids, p.ID)
		byID[p.ID] = p
	}
	taken := map[probes.PathID]bool{}
	for _, target := range targets {
		found, err := probes.Match(target, ids)
		if err != nil {
			return nil, nil, fmt.Errorf("%q: %w", target, err)
		}
		if len(found) == 0 {
			return nil, nil, fmt.Errorf("%q: no such tenant, connector or path; there is %s", target, there(target, ids))
		}
		probeable := 0
		for _, id := range found {
			p := byID[id]
			if p.NotProbeable == "" {
				probeable++
			}
			switch {
			case taken[id]:
			case p.NotProbeable != "":
				left = append(left, fmt.Sprintf("%s cannot be probed: %s", id, p.NotProbeable))
			default:
				chosen = append(chosen, p)
			}
			taken[id] = true
		}
		if probeable == 0 {
			return nil, nil, fmt.Errorf("%s cannot be probed: %s", found[0], byID[found[0]].NotProbeable)
		}
	}
	return chosen, left, nil
}

// there names what could have been meant, so that it can be copied: the connectors of the tenant that was named, else the tenants.
func there(target string, ids []probes.PathID) string {
	named, _, _ := strings.Cut(target, "/")
	var tenants, connectors []string
	for _, id := range ids {
		tenant := url.PathEscape(id.Tenant)
		tenants = append(tenants, tenant)
		if strings.EqualFold(named, tenant) || strings.EqualFold(named, id.Tenant) {
			id.Path = ""
			connectors = append(connectors, strings.TrimSuffix(id.String(), "/"))
		}
	}
	names := connectors
	if len(names) == 0 {
		names = tenants
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return "no path at all"
	}
	more := ""
	if n := len(names) - maxNamed; n > 0 {
		names, more = names[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ") + more
}

// maxNamed is how many names an answer to a wrong one holds.
const maxNamed = 10

// maxValidations bounds how many paths validate probes at a time; the gate bounds the connections below it.
const maxValidations = 256

func probeAll(ctx context.Context, prober probes.Prober, paths []probes.Path, done func()) []text.Item {
	items := make([]text.Item, len(paths))
	var group errgroup.Group
	group.SetLimit(maxValidations)
	for i, p := range paths {
		group.Go(func() error {
			items[i] = text.Item{Path: p, Result: *prober.Probe(ctx, &p)}
			done()
			return nil
		})
	}
	_ = group.Wait() // no probe returns an error: a failure is in its result
	return items
}

func (c validateCommand) print(out io.Writer, items []text.Item) error {
	if *c.output == "json" {
		return text.ValidationJSON(out, items)
	}
	return text.Validation(out, items, terminal(out))
}

// exitCode sums the items up; untried says that all was asked for and a tenant was not loaded.
func exitCode(items []text.Item, untried bool) int {
	code := exitOK
	if untried {
		code = exitInconclusive
	}
	for _, item := range items {
		switch item.Result.Outcome() {
		case probes.Failed:
			return exitFailed
		case probes.Passed:
		default:
			code = exitInconclusive
		}
	}
	return code
}

// refusals passes on to the budget and remembers what it refused.
type refusals struct {
	inner *schedule.MessageBudget
	mu    sync.Mutex
	next  time.Time
}

// Take asks the budget.
func (r *refusals) Take(key string, minInterval time.Duration) (ok bool, next time.Time, err error) {
	ok, next, err = r.inner.Take(key, minInterval)
	if !ok && err == nil {
		r.mu.Lock()
		r.next = next
		r.mu.Unlock()
	}
	return ok, next, err
}

func (r *refusals) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next.IsZero() {
		return ""
	}
	return "a test message was refused by message_min_interval; the next is due at " + r.next.UTC().Format(time.RFC3339)
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminal says how to print: in colours and wrapped on a terminal only.
func terminal(w io.Writer) text.Options {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(w) {
		return text.Options{}
	}
	width, _, _ := term.GetSize(int(f.Fd()))
	return text.Options{Color: os.Getenv("NO_COLOR") == "", Width: width}
}

// newProgress draws a line that counts finished paths, on a terminal only.
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
