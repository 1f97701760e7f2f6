package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// run is one probe of a path. result and interrupted may be read once done is closed, and do not change afterwards.
type run struct {
	path        *probes.Path
	done        chan struct{}
	result      probes.Result
	interrupted bool
}

// newRun registers a probe as the only one of its path, until finish. The lock is held.
func (r *Runner) newRun(e *entry, path *probes.Path) *run {
	e.running = &run{path: path, done: make(chan struct{})}
	r.running++
	return e.running
}

// execute probes, for a scheduled round or, if that is nil, for RunNow. The result of a probe whose context has ended
// proves nothing and is not used.
func (r *Runner) execute(ctx context.Context, e *entry, probe *run, scheduled *round) {
	r.probe(ctx, probe)
	r.finish(ctx, e, probe, scheduled)
}

// finish ends a probe: it evaluates and caches the result and, for the current round, updates the path's state.
func (r *Runner) finish(ctx context.Context, e *entry, probe *run, scheduled *round) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(probe.done)
	probe.interrupted = ctx.Err() != nil
	e.running = nil
	r.running--
	if probe.interrupted {
		return
	}
	counts := scheduled != nil && e.round == scheduled
	if counts {
		r.vantage.Observe(&e.connects, probe.result)
	}
	probe.result = r.vantage.Judge(probe.result)
	if counts {
		probe.result.Provisional = r.updateVerdict(e, probe.result)
	}
	r.stats.Throttled += countThrottled(probe.result)
	r.cacheResult(e, probe)
}

// cacheResult keeps a result for as long as RunNow may repeat it. The lock is held.
func (r *Runner) cacheResult(e *entry, probe *run) {
	ended := time.Now()
	e.last, e.lastEnded = probe, ended
	time.AfterFunc(resultTTL, func() { // must not refer to probe: the timer would keep the result in memory
		r.mu.Lock()
		defer r.mu.Unlock()
		if e.lastEnded.Equal(ended) {
			e.last = nil
		}
	})
}

func countThrottled(result probes.Result) (n uint64) {
	for _, e := range result.Endpoints {
		if _, step, problem := e.FirstProblem(); problem && step.Reason == probes.ReasonThrottled {
			n++
		}
	}
	return n
}

// probe calls the prober and recovers from its panics.
func (r *Runner) probe(ctx context.Context, probe *run) {
	started := time.Now()
	defer func() {
		if v := recover(); v != nil {
			r.options.Logger.Error("the prober panicked", slog.String("path", probe.path.ID.String()),
				slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
			probe.fail(started, "the prober panicked; see the log")
		}
	}()
	probe.result = *r.options.Prober.Probe(ctx, probe.path)
	if probe.result.Until >= probes.NumStages {
		probe.fail(started, "the prober returned a stage that does not exist")
	}
	probe.result.Path = probe.path.ID
}

// fail sets the result of a probe in which the prober itself failed.
func (p *run) fail(started time.Time, detail string) {
	e := probes.Endpoint{Host: p.path.NextHop}
	e.Steps[probes.Resolve] = probes.NewStep(probes.ReasonInternalError, detail)
	p.result = probes.Result{
		Path: p.path.ID, Until: min(p.path.Settings.Until, probes.Message),
		Started: started, Duration: time.Since(started), Endpoints: []probes.Endpoint{e},
	}
}

// satisfies reports whether a probe of done answers a request for wanted: it is the same path, up to the same stage or
// a later one.
func satisfies(done, wanted *probes.Path) bool {
	return done.Settings.Until >= wanted.Settings.Until && reflect.DeepEqual(probeKey(*done), probeKey(*wanted))
}

// probeKey returns a path without the settings that do not influence the result of a probe.
func probeKey(p probes.Path) probes.Path {
	p.NotProbed, p.NotProbeable, p.Controls = "", "", nil
	s := &p.Settings
	s.Enabled, s.Interval, s.Timeout, s.Until, s.MessageMinInterval = false, 0, 0, 0, 0
	s.NegativeControls = false
	return p
}

// truncate returns a result as if the probe had ended at the last stage of wanted.
func truncate(result probes.Result, wanted *probes.Path) probes.Result {
	until := wanted.Settings.Until
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
