package schedule

import (
	"context"
	"errors"
	"time"

	"m365_connector_exporter/probes"
)

// young is how long a result answers further calls of RunNow.
const young = 10 * time.Second

// The errors of RunNow beside the context's.
var (
	ErrStopped = errors.New("the schedule has stopped")
	ErrBusy    = errors.New("too many probes are being waited for")
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
	e, err := r.join(path)
	if err != nil {
		return probes.Result{}, err
	}
	defer r.part(e)
	for {
		f, mine, err := r.board(ctx, e, path)
		if err != nil {
			return probes.Result{}, err
		}
		if mine {
			r.flyNow(ctx, e, f)
			return cut(f.result, path), nil
		}
		select {
		case <-f.done:
			if !f.interrupted && serves(f.path, path) {
				return cut(f.result, path), nil
			}
		case <-ctx.Done():
			return probes.Result{}, ctx.Err()
		}
	}
}

func (r *Runner) join(path *probes.Path) (*entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting >= r.options.MaxWaiting {
		return nil, ErrBusy
	}
	r.waiting++
	e := r.entry(path)
	e.users++
	return e, nil
}

func (r *Runner) part(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
	e.users--
	r.forget(e)
}

// board returns the flight to wait for, or a new one of the caller's own.
func (r *Runner) board(ctx context.Context, e *entry, path *probes.Path) (f *flight, mine bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return nil, false, ctx.Err()
	case r.base.Err() != nil:
		return nil, false, ErrStopped
	case e.flight != nil:
		return e.flight, false, nil
	case e.last != nil && time.Since(e.ended) < young && serves(e.last.path, path):
		return e.last, false, nil
	}
	r.probing.Add(1)
	return r.newFlight(e, path), true, nil
}

func (r *Runner) flyNow(ctx context.Context, e *entry, f *flight) {
	defer r.probing.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.base, cancel)() //nolint:contextcheck // it ends with either context
	r.fly(ctx, e, f, nil)
}

// takeOff waits until no probe of the path runs and begins one; nil when ctx ends first.
func (r *Runner) takeOff(ctx context.Context, e *entry, path *probes.Path) *flight {
	for ctx.Err() == nil {
		r.mu.Lock()
		other := e.flight
		if other == nil {
			defer r.mu.Unlock()
			return r.newFlight(e, path)
		}
		r.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
		}
	}
	return nil
}
