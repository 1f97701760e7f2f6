package daemon

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/schedule"
	"m365_connector_exporter/probes/smtpprobe"
)

// minTimeout is the shortest timeout of an endpoint that may be asked for.
const minTimeout = 100 * time.Millisecond

// Validation selects which paths to probe once, and how far.
type Validation struct {
	// Targets are tenants, connectors or paths, as [probes.Match] reads them. None: all paths that the daemon probes.
	Targets []string
	// Until is the last stage, if HasUntil is set; otherwise that of the configuration.
	Until    probes.Stage
	HasUntil bool
	// Timeout is that of each endpoint, if HasTimeout is set; otherwise that of the configuration.
	Timeout    time.Duration
	HasTimeout bool
	// SendMessage goes on to a test message. Without it none is ever sent.
	SendMessage bool
}

// Paths returns the planned paths to probe, with the last stage and the timeout to use. A disabled connector is probed
// if it is a target: that is how one validates it before enabling it. Skipped lists the paths that are not probed, and
// why.
func (v Validation) Paths(planned []probes.Path) (chosen []probes.Path, skipped []string, err error) {
	if err := v.check(); err != nil {
		return nil, nil, err
	}
	if chosen, skipped, err = selectPaths(v.Targets, planned); err != nil {
		return nil, nil, err
	}
	for i := range chosen {
		p := &chosen[i]
		p.Settings.Until = v.until(p)
		if p.Settings.Until >= probes.Recipient && len(p.Recipients) == 0 {
			return nil, nil, fmt.Errorf("%s: --until=%s needs validation_recipients", p.ID.DisplayName(), p.Settings.Until)
		}
		if v.HasTimeout {
			p.Settings.Timeout = v.Timeout
		}
	}
	return chosen, skipped, nil
}

func (v Validation) check() error {
	switch {
	case v.HasUntil && v.Until == probes.Message && !v.SendMessage:
		return fmt.Errorf("--until=message sends mail: it needs --send-test-message")
	case v.HasUntil && v.Until != probes.Message && v.SendMessage:
		return fmt.Errorf("--send-test-message probes up to the stage message: leave out --until=%s", v.Until)
	case v.HasTimeout && v.Timeout < minTimeout:
		return fmt.Errorf("--timeout: %s: must be at least %s", v.Timeout, minTimeout)
	}
	return nil
}

// until returns the last stage of a path.
func (v Validation) until(p *probes.Path) probes.Stage {
	until := p.Settings.Until
	switch {
	case v.SendMessage:
		until = probes.Message
	case v.HasUntil:
		until = v.Until
	}
	if p.ID.Direction == mailflow.Inbound {
		until = min(until, p.Settings.Until) // no further than its sender allows, and never a message
	}
	if !v.SendMessage {
		until = min(until, probes.Recipient)
	}
	return until
}

// UnconfiguredPath returns the path to a smart host that is not configured, with the probe settings that apply to all
// tenants. It requires TLS, and with a tlsDomain a certificate for that name. The host counts as one of the
// organization's own, so private addresses are allowed.
func UnconfiguredPath(cfg *config.Config, host, tlsDomain, helloName string) (probes.Path, error) {
	name, err := inventory.ParseSmartHost(host)
	if err != nil {
		return probes.Path{}, fmt.Errorf("--smart-host: %q: %w", host, err)
	}
	connector := mailflow.OutboundConnector{
		Common:     mailflow.Common{Name: "not configured", Type: mailflow.OnPremises},
		SmartHosts: []string{name}, TLSSettings: mailflow.EncryptionOnly,
	}
	if tlsDomain != "" {
		connector.TLSSettings, connector.TLSDomain = mailflow.DomainValidation, tlsDomain
	}
	tenants := []mailflow.Tenant{{Name: "command line", Outbound: []mailflow.OutboundConnector{connector}}}
	return probes.Plan(tenants, cfg.Layers, helloName)[0], nil
}

// maxValidations bounds how many paths are probed at a time. The configured limits of connections apply as well.
const maxValidations = 256

// Validate probes paths once and returns their results in the same order, with what Exchange Online would do with their
// mail. It calls done after each path. If message_min_interval does not allow a test message yet, nextMessage is the
// time when it does; otherwise it is zero. A validation that sends no test message does not open the state file.
func (v Validation) Validate(
	ctx context.Context, cfg *config.Config, paths []probes.Path, done func(),
) (items []text.Item, nextMessage time.Time, err error) {
	stateFile := ""
	if v.SendMessage {
		stateFile = cfg.Global.StateFile
	}
	//nolint:contextcheck // reading the file has a deadline of its own
	budget, err := schedule.NewMessageBudget(stateFile, time.Now)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("global.state_file: %w", err)
	}
	messages := &refusalRecorder{budget: budget}
	prober := smtpprobe.New(proberOptions(cfg, schedule.NewLimiter(limiterOptions(cfg.Global)), messages))
	items = probeAll(ctx, prober, paths, done)
	predict(ctx, cfg.Tenants, hostsOf(prober), items)
	return items, messages.nextMessage(), nil
}

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
	_ = group.Wait() // nothing returns an error: a failure is in its result
	return items
}

// refusalRecorder is a message budget that remembers a refusal.
type refusalRecorder struct {
	budget *schedule.MessageBudget

	mu   sync.Mutex
	next time.Time
}

// Take implements [smtpprobe.MessageBudget].
func (r *refusalRecorder) Take(key string, minInterval time.Duration) (ok bool, next time.Time, err error) {
	ok, next, err = r.budget.Take(key, minInterval)
	if !ok && err == nil {
		r.mu.Lock()
		r.next = next
		r.mu.Unlock()
	}
	return ok, next, err
}

func (r *refusalRecorder) nextMessage() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next
}
