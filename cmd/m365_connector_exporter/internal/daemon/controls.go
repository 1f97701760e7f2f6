package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/smtpprobe"
)

const (
	// controlInterval is the time between two runs of the negative controls of a path.
	controlInterval = 24 * time.Hour
	// controlSuffix makes the key of a path's controls in the state file. No target of a path contains it.
	controlSuffix = "#negative_controls"
	// controlRetry is how long a state file that cannot be used is left alone.
	controlRetry = 5 * time.Minute
)

// controls runs the negative controls of paths once a day, after a scheduled round that reached the server. Probes on
// request never cause one. The times of the last runs are in the state file, with those of test messages, so that a
// restart causes none either.
type controls struct {
	life   context.Context //nolint:containedctx // controls outlast the rounds that start them
	cancel context.CancelFunc
	take   func(key string, minInterval time.Duration) (ok bool, next time.Time, err error)
	run    func(ctx context.Context, p *probes.Path, at []probes.Endpoint) []probes.ControlResult
	record func(probes.PathID, []probes.ControlResult)
	now    func() time.Time
	log    *slog.Logger

	running sync.WaitGroup
	mu      sync.Mutex
	next    map[probes.PathID]time.Time // the earliest time at which a path may be due again
}

// newControls returns what runs the controls of the daemon's paths until ctx ends.
func newControls(ctx context.Context, d *Daemon) *controls {
	c := &controls{
		take: d.budget.Take, record: d.store.RecordControls, now: time.Now, log: d.log, next: map[probes.PathID]time.Time{},
		run: func(ctx context.Context, p *probes.Path, at []probes.Endpoint) []probes.ControlResult {
			return d.prober.Load().RunControls(ctx, p, at)
		},
	}
	c.life, c.cancel = context.WithCancel(ctx)
	return c
}

// start runs the controls of a path if they are due, and returns at once.
func (c *controls) start(p *probes.Path, round *probes.Result) {
	at := smtpprobe.ControlEndpoints(p, round)
	if len(at) == 0 || c.life.Err() != nil || !c.claim(p.ID) {
		return
	}
	c.running.Go(func() { c.runDue(p, at) })
}

// claim reports whether a path may be due. Until that is decided, no other round of the path claims it.
func (c *controls) claim(id probes.PathID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Before(c.next[id]) {
		return false
	}
	c.next[id] = now.Add(controlInterval)
	return true
}

func (c *controls) runDue(p *probes.Path, at []probes.Endpoint) {
	ok, next, err := c.take(p.ID.String()+controlSuffix, controlInterval)
	if err != nil { // the budget logs it
		next = c.now().Add(controlRetry)
	}
	c.mu.Lock()
	c.next[p.ID] = next
	c.mu.Unlock()
	if !ok || err != nil {
		return
	}
	c.log.Info("negative controls", slog.String("path", p.ID.String()), slog.Int("controls", len(p.Controls)),
		slog.Int("addresses", len(at)))
	if results := c.run(c.life, p, at); c.life.Err() == nil { // an interrupted one proves nothing
		c.record(p.ID, results)
	}
}

// stop ends the running controls and waits for them. No round may start others meanwhile.
func (c *controls) stop() {
	c.cancel()
	c.running.Wait()
}

// forget makes the next rounds look at the state file again, after the paths have changed.
func (c *controls) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.next)
}
