package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"m365_connector_exporter/probes"
)

// roundSlack is what a round may wait at the limiter, back-off included, before it is given up as hung.
const roundSlack = 30 * time.Minute

// startRound starts a scheduled round in its own goroutine. The lock is held.
func (r *Runner) startRound(e *entry, due time.Time) {
	if r.base.Err() != nil {
		return
	}
	limit := probes.MaxEndpoints*max(e.path.Settings.Timeout, 0) + roundSlack
	ctx, cancel := context.WithTimeout(r.base, limit)
	this := &round{path: e.path, cancel: cancel}
	e.round = this
	e.users++
	r.probing.Go(func() {
		defer cancel()
		r.runRound(ctx, e, this, due)
	})
}

func (r *Runner) runRound(ctx context.Context, e *entry, this *round, due time.Time) {
	if f := r.startWhenFree(ctx, e, this.path); f != nil {
		r.options.OnLag(time.Since(due))
		r.execute(ctx, e, f, this)
		r.deliver(e, this, f)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.round == this {
		e.round = nil
	}
	e.users--
	r.forget(e)
}

// deliver hands a whole round on, unless its path has gone or changed meanwhile.
func (r *Runner) deliver(e *entry, this *round, f *run) {
	r.mu.Lock()
	current := e.round == this
	r.mu.Unlock()
	if current && !f.interrupted {
		r.options.Sink(f.result)
	}
}

// settle updates the path's verdict and reports whether the round is only provisional. The lock is held.
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
	if outcome == probes.Failed || outcome == probes.Passed {
		e.failed = outcome == probes.Failed
	}
	if !e.completed {
		e.completed = true
		r.checkFirstRound()
	}
	return false
}

// probe asks the prober and survives it.
func (r *Runner) probe(ctx context.Context, f *run) {
	started := time.Now()
	defer func() {
		if v := recover(); v != nil {
			r.options.Logger.Error("the prober panicked",
				slog.String("path", f.path.ID.String()), slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
			f.fail(started, "the prober panicked; the log has the details")
		}
	}()
	f.result = *r.options.Prober.Probe(ctx, f.path)
	if f.result.Until >= probes.NumStages {
		f.fail(started, "the prober returned a stage that does not exist")
	}
	f.result.Path = f.path.ID
}

// fail sets the result of a prober that went wrong.
func (f *run) fail(started time.Time, detail string) {
	p := f.path
	e := probes.Endpoint{Host: p.NextHop}
	e.Steps[probes.Resolve] = probes.Step{Outcome: probes.Inconclusive, Reason: probes.ReasonInternalError, Detail: detail}
	f.result = probes.Result{
		Path: p.ID, Until: min(p.Settings.Until, probes.Message), Started: started, Duration: time.Since(started),
		Endpoints: []probes.Endpoint{e},
	}
}
