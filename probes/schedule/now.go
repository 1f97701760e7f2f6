package schedule

import (
	"context"
	"errors"
	"time"

	"m365_connector_exporter/probes"
)

// resultTTL is how long a result answers further calls of RunNow.
const resultTTL = 10 * time.Second

// The errors of RunNow beside the context's.
var (
	ErrStopped = errors.New("the schedule has stopped")
	ErrBusy    = errors.New("too many paths are being probed on request")
)

// RunNow probes a path at once. It joins a probe of the same kind that is already running, returns a result of the same kind
// that is younger than 10 s again, and never overlaps a scheduled round. What it finds goes to its caller alone: neither the
// sink nor the path's verdict hears of it. A probe that ctx cut short is returned as far as it got; an error means that none
// was begun by this call, and is ctx's, ErrStopped or ErrBusy.
func (r *Runner) RunNow(ctx context.Context, id probes.PathID, path probes.Path) (probes.Result, error) {
	path.ID = id
	return r.runNow(ctx, &path)
}

func (r *Runner) runNow(ctx context.Context, path *probes.Path) (probes.Result, error) {
	e, err := r.addWaiter(path)
	if err != nil {
		return probes.Result{}, err
	}
	defer r.removeWaiter(e)
	for {
		f, mine, err := r.joinOrStart(ctx, e, path)
		if err != nil {
			return probes.Result{}, err
		}
		if mine {
			r.executeNow(ctx, e, f)
			return truncate(f.result, path), nil
		}
		select {
		case <-f.done:
			if !f.interrupted && satisfies(f.path, path) {
				return truncate(f.result, path), nil
			}
		case <-ctx.Done():
			return probes.Result{}, ctx.Err()
		}
	}
}

// addWaiter registers a caller of RunNow. However many callers wait for one path, they count once.
func (r *Runner) addWaiter(path *probes.Path) (*entry, error) {
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

func (r *Runner) removeWaiter(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.users--
	if e.callers--; e.callers == 0 {
		r.onDemand--
	}
	r.forget(e)
}

// joinOrStart returns the run to wait for, or a new one of the caller's own.
func (r *Runner) joinOrStart(ctx context.Context, e *entry, path *probes.Path) (f *run, mine bool, err error) {
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

func (r *Runner) executeNow(ctx context.Context, e *entry, f *run) {
	defer r.probing.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.base, cancel)() //nolint:contextcheck // it ends with either context
	r.execute(ctx, e, f, nil)
}

// startWhenFree waits until no probe of the path runs and begins one; nil when ctx ends first.
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
