package schedule

import (
	"context"
	"reflect"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// run is one probe of a path. Result and interrupted may be read when done is closed and change no more.
type run struct {
	path        *probes.Path
	done        chan struct{}
	result      probes.Result
	interrupted bool
}

// newRun makes the probe that is the path's only one until finish. The lock is held.
func (r *Runner) newRun(e *entry, path *probes.Path) *run {
	e.running = &run{path: path, done: make(chan struct{})}
	r.running++
	return e.running
}

// execute probes. A probe whose context has ended proves nothing and is not kept. This is the scheduled round that it is for; nil
// for RunNow.
func (r *Runner) execute(ctx context.Context, e *entry, f *run, this *round) {
	r.probe(ctx, f)
	r.finish(ctx, e, f, this)
}

// finish is a function of its own so that its frame, which holds whole endpoints, does not lie under a probe that waits.
func (r *Runner) finish(ctx context.Context, e *entry, f *run, this *round) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(f.done)
	f.interrupted = ctx.Err() != nil
	e.running = nil
	r.running--
	if f.interrupted {
		return
	}
	if this != nil && e.round == this {
		r.vantage.Observe(&e.connects, f.result)
	}
	f.result = r.vantage.Judge(f.result)
	if this != nil && e.round == this {
		f.result.Provisional = r.updateVerdict(e, f.result)
	}
	r.stats.Throttled += throttled(f.result)
	r.cacheResult(e, f)
}

// cacheResult holds a result for as long as it answers further calls of RunNow: the board has what matters of it. The lock is held.
func (r *Runner) cacheResult(e *entry, f *run) {
	ended := time.Now()
	e.last, e.lastEnded = f, ended
	time.AfterFunc(resultTTL, func() { // it does not know done: what holds the timer would hold the result
		r.mu.Lock()
		defer r.mu.Unlock()
		if e.lastEnded.Equal(ended) {
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

// satisfies reports whether a probe of done answers a request for asked: the same path probed as far or farther.
func satisfies(done, asked *probes.Path) bool {
	return done.Settings.Until >= asked.Settings.Until && reflect.DeepEqual(probeKey(*done), probeKey(*asked))
}

// probeKey is a path without what does not change what a probe finds out.
func probeKey(p probes.Path) probes.Path {
	p.NotProbed, p.NotProbeable = "", ""
	s := &p.Settings
	s.Enabled, s.Interval, s.Timeout, s.Until, s.MessageMinInterval = false, 0, 0, 0, 0
	return p
}

// truncate is a result as if the probe had gone no farther than asked.
func truncate(result probes.Result, asked *probes.Path) probes.Result {
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
