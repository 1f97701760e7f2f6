package schedule

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// Options configure a [Runner].
type Options struct {
	Prober probes.Prober

	// Sink receives the result of every scheduled round that was not interrupted, including provisional ones. The
	// results of one path arrive in order.
	Sink func(probes.Result)

	OnLag       func(time.Duration) // receives the delay with which each scheduled round started; may be nil
	MaxOnDemand int                 // paths that RunNow probes at the same time; 256 if not positive
	Confirm     time.Duration       // longest wait before a first failure is confirmed; 30 s if not positive
	Logger      *slog.Logger        // may be nil
}

func (o Options) withDefaults() Options {
	if o.MaxOnDemand <= 0 {
		o.MaxOnDemand = 256
	}
	if o.Confirm <= 0 {
		o.Confirm = 30 * time.Second
	}
	if o.Sink == nil {
		o.Sink = func(probes.Result) {}
	}
	if o.OnLag == nil {
		o.OnLag = func(time.Duration) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Runner probes paths at their intervals, and on request. It is safe for concurrent use.
type Runner struct {
	options Options
	base    context.Context // parent of every probe; ends when Run stops
	stop    context.CancelFunc
	wake    chan struct{}
	probing sync.WaitGroup

	mu       sync.Mutex
	entries  map[probes.PathID]*entry
	due      queue
	vantage  *vantage
	onDemand int // paths with callers of RunNow
	running  int // probes
	stats    Stats
	known    bool // SetPaths was called
}

// Stats are counts since the start of the schedule, and its current state.
type Stats struct {
	Skipped            uint64 // rounds that were due while the last one, or its confirmation, was still running
	Throttled          uint64 // endpoints of finished probes that ended as throttled
	FirstRoundComplete bool   // every path has had a round that counts; stays true after reloads
	VantageBlocked     bool   // no path can connect
	InFlight           int    // running probes
	Paths              int
}

// New returns a Runner without paths.
func New(o Options) *Runner {
	r := &Runner{
		options: o.withDefaults(), wake: make(chan struct{}, 1),
		entries: map[probes.PathID]*entry{}, vantage: newVantage(),
	}
	r.base, r.stop = context.WithCancel(context.Background())
	return r
}

// Stats returns the current counts.
func (r *Runner) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.InFlight, s.Paths, s.VantageBlocked = r.running, len(r.entries), r.vantage.Blocked()
	return s
}

// Run starts rounds when they are due, until ctx ends. It then interrupts the running probes, those of RunNow included,
// and returns when all of them have ended. It may be called once.
func (r *Runner) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(r.startDue(time.Now())) //nolint:contextcheck // rounds end with the runner's own context
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-r.wake:
		}
	}
	r.mu.Lock()
	r.stop() // under the lock, so that no probe starts after it
	r.mu.Unlock()
	r.probing.Wait()
}

// maxSleep is how long Run sleeps when no path is due.
const maxSleep = time.Hour

// startDue starts the rounds that are due and returns the time until the next one.
func (r *Runner) startDue(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.due) > 0 {
		e := r.due[0]
		at := e.nextAt()
		if at.After(now) {
			return min(at.Sub(now), maxSleep)
		}
		if at.Equal(e.confirm) {
			e.confirm = time.Time{}
			r.startRound(e, at)
		} else {
			r.runDue(e, now)
		}
		r.due.fix(e)
	}
	return maxSleep
}

// runDue starts the round that is due, unless the last one is still running, and sets the time of the next one.
func (r *Runner) runDue(e *entry, now time.Time) {
	if e.round != nil || !e.confirm.IsZero() {
		r.stats.Skipped++
	} else {
		r.startRound(e, e.nextRun)
	}
	interval := e.interval()
	e.nextRun, e.advance = e.nextRun.Add(-e.advance), 0
	missed := now.Sub(e.nextRun) / interval // 0, unless this host was suspended
	r.stats.Skipped += uint64(missed)       //nolint:gosec // now is not before nextRun
	e.nextRun = e.nextRun.Add((missed + 1) * interval)
}

// wakeUp makes Run look at the queue again.
func (r *Runner) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
