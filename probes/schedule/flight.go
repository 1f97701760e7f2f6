package schedule

import (
	"context"
	"reflect"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// flight is one probe. Result and interrupted may be read when done is closed and change no more.
type flight struct {
	path        *probes.Path
	done        chan struct{}
	result      probes.Result
	interrupted bool
}

// newFlight makes the probe that is the path's only one until fly ends. The lock is held.
func (r *Runner) newFlight(e *entry, path *probes.Path) *flight {
	e.flight = &flight{path: path, done: make(chan struct{})}
	r.inFlight++
	return e.flight
}

// fly probes. A probe whose context has ended proves nothing and is not kept. This is the scheduled round that it is for; nil
// for RunNow.
func (r *Runner) fly(ctx context.Context, e *entry, f *flight, this *round) {
	r.probe(ctx, f)
	r.land(ctx, e, f, this)
}

// land is a function of its own so that its frame, which holds whole endpoints, does not lie under a probe that waits.
func (r *Runner) land(ctx context.Context, e *entry, f *flight, this *round) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(f.done)
	f.interrupted = ctx.Err() != nil
	e.flight = nil
	r.inFlight--
	if f.interrupted {
		return
	}
	if this != nil && e.round == this {
		r.vantage.Observe(&e.sight, f.result)
	}
	f.result = r.vantage.Judge(f.result)
	if this != nil && e.round == this {
		f.result.Provisional = r.settle(e, f.result)
	}
	r.stats.Throttled += throttled(f.result)
	r.keep(e, f)
}

// keep holds a result for as long as it answers further calls of RunNow: the board has what matters of it. The lock is held.
func (r *Runner) keep(e *entry, f *flight) {
	ended := time.Now()
	e.last, e.ended = f, ended
	time.AfterFunc(young, func() { // it does not know f: who holds the timer would hold the result
		r.mu.Lock()
		defer r.mu.Unlock()
		if e.ended.Equal(ended) {
			e.last = nil
		}
	})
}

func throttled(result probes.Result) (n uint64) {
	for _, e := range result.Endpoints {
		if _, step, problem := e.FirstProblem(); problem && step.Reason == probes.ReasonThrottled {
			n++
		}
	}
	return n
}

// serves reports whether a probe of done answers a question for asked: the same path climbed as far or farther.
func serves(done, asked *probes.Path) bool {
	return done.Settings.Until >= asked.Settings.Until && reflect.DeepEqual(kind(*done), kind(*asked))
}

// kind is a path without what does not change what a probe finds out.
func kind(p probes.Path) probes.Path {
	p.NotProbed, p.NotProbeable = "", ""
	s := &p.Settings
	s.Enabled, s.Interval, s.Timeout, s.Until, s.MessageMinInterval = false, 0, 0, 0, 0
	return p
}

// cut is a result as if the probe had climbed no farther than asked.
func cut(result probes.Result, asked *probes.Path) probes.Result {
	until := asked.Settings.Until
	if until >= result.Until {
		return result
	}
	result.Until = until
	result.Endpoints = slices.Clone(result.Endpoints)
	for i := range result.Endpoints {
		clear(result.Endpoints[i].Steps[until+1:])
	}
	result.Provisional = result.Provisional && result.Outcome() == probes.Failed
	return result
}
