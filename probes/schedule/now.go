package schedule

import (
	"context"
	"errors"
	"time"

	"m365_connector_exporter/probes"
)

// resultTTL is how long RunNow repeats a result.
const resultTTL = 10 * time.Second

// Errors of RunNow, apart from that of its context.
var (
	ErrStopped = errors.New("the schedule has stopped")
	ErrBusy    = errors.New("too many paths are being probed on request")
)

// RunNow probes a path on request. It never overlaps a scheduled round: it joins a running probe that answers the
// request, waits for the end of one that does not, and repeats a result for ten seconds. Only the caller receives the
// result: it changes neither the path's verdict nor what the sink receives.
//
// If ctx ends during the probe, RunNow returns what was observed so far. An error means that this call has not started
// a probe; it is ErrStopped, ErrBusy or the error of ctx.
func (r *Runner) RunNow(ctx context.Context, id probes.PathID, path probes.Path) (probes.Result, error) {
	path.ID = id
	return r.runNow(ctx, &path)
}

func (r *Runner) runNow(ctx context.Context, path *probes.Path) (probes.Result, error) {
	e, err := r.addCaller(path)
	if err != nil {
		return probes.Result{}, err
	}
	defer r.removeCaller(e)
	for {
		probe, started, err := r.joinOrStart(ctx, e, path)
		if err != nil {
			return probes.Result{}, err
		}
		if started {
			r.executeNow(ctx, e, probe)
			return truncate(probe.result, path), nil
		}
		select {
		case <-probe.done:
			if !probe.interrupted && satisfies(probe.path, path) {
				return truncate(probe.result, path), nil
			}
		case <-ctx.Done():
			return probes.Result{}, ctx.Err()
		}
	}
}

// addCaller registers a caller of RunNow. However many callers wait for one path, they count once.
func (r *Runner) addCaller(path *probes.Path) (*entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[path.ID]
	if e == nil || e.callers == 0 {
		if r.onDemand >= r.options.MaxOnDemand {
			return nil, ErrBusy
		}
		r.onDemand++
		e = r.entry(path)
	}
	e.callers++
	e.users++
	return e, nil
}

func (r *Runner) removeCaller(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.users--
	if e.callers--; e.callers == 0 {
		r.onDemand--
	}
	r.forget(e)
}

// joinOrStart returns a probe to wait for or, if started is true, one that the caller must execute.
func (r *Runner) joinOrStart(ctx context.Context, e *entry, path *probes.Path) (probe *run, started bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return nil, false, ctx.Err()
	case r.base.Err() != nil:
		return nil, false, ErrStopped
	case e.running != nil:
		return e.running, false, nil
	case e.last != nil && time.Since(e.lastEnded) < resultTTL && satisfies(e.last.path, path):
		return e.last, false, nil
	}
	r.probing.Add(1)
	return r.newRun(e, path), true, nil
}

func (r *Runner) executeNow(ctx context.Context, e *entry, probe *run) {
	defer r.probing.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.base, cancel)() //nolint:contextcheck // it ends with either context
	r.execute(ctx, e, probe, nil)
}

// startWhenFree waits until no probe of the path is running and registers one. It returns nil if ctx ends first.
func (r *Runner) startWhenFree(ctx context.Context, e *entry, path *probes.Path) *run {
	for ctx.Err() == nil {
		r.mu.Lock()
		other := e.running
		if other == nil {
			defer r.mu.Unlock()
			return r.newRun(e, path)
		}
		r.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
		}
	}
	return nil
}
