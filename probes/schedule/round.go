package schedule

import (
	"context"
	"time"

	"m365_connector_exporter/probes"
)

// roundSlack is how long a round may wait for the limiter, including a back-off, before it is cancelled.
const roundSlack = 30 * time.Minute

// startRound starts a scheduled round in a goroutine. The lock is held.
func (r *Runner) startRound(e *entry, due time.Time) {
	if r.base.Err() != nil {
		return
	}
	limit := probes.MaxEndpoints*max(e.path.Settings.Timeout, 0) + roundSlack
	ctx, cancel := context.WithTimeout(r.base, limit)
	path := *e.path // a copy: a round may outlast reloads and must not keep all paths of an old configuration in memory
	this := &round{path: &path, cancel: cancel}
	e.round = this
	e.users++
	r.probing.Go(func() {
		defer cancel()
		r.runRound(ctx, e, this, due)
	})
}

func (r *Runner) runRound(ctx context.Context, e *entry, this *round, due time.Time) {
	if probe := r.startWhenFree(ctx, e, this.path); probe != nil {
		r.options.OnLag(time.Since(due))
		r.execute(ctx, e, probe, this)
		r.deliver(e, this, probe)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.round == this {
		e.round = nil
	}
	e.users--
	r.forget(e)
}

// deliver sends a complete round to the sink, unless its path has been removed or changed in the meantime.
func (r *Runner) deliver(e *entry, this *round, probe *run) {
	r.mu.Lock()
	current := e.round == this
	r.mu.Unlock()
	if current && !probe.interrupted {
		r.options.Sink(probe.result)
	}
}

// updateVerdict updates the path's verdict and reports whether the round is provisional: a first failure, which it
// schedules to be repeated. The lock is held.
func (r *Runner) updateVerdict(e *entry, result probes.Result) (provisional bool) {
	outcome := result.Outcome()
	_, stage, _, _ := result.Failure()
	if outcome == probes.Failed && !e.failed && !e.confirming && stage != probes.Message {
		e.confirming = true
		e.confirm = time.Now().Add(min(e.interval()/2, r.options.Confirm))
		r.due.fix(e)
		r.wakeUp()
		return true
	}
	e.confirming = false
	if outcome == probes.Failed || result.SomePassed() {
		e.failed = outcome == probes.Failed
	}
	if !e.completed {
		e.completed = true
		r.checkFirstRound()
	}
	return false
}
