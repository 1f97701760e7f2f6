package schedule

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// Options are what a [Runner] needs.
type Options struct {
	Prober      probes.Prober
	Sink        func(probes.Result) // gets every scheduled round that was not interrupted, provisional ones too; one path's in order
	OnLag       func(time.Duration) // gets how late each scheduled round started; may be nil
	MaxOnDemand int                 // paths that RunNow probes at a time; 256 when not positive
	Confirm     time.Duration       // longest wait before a first failure is repeated; 30 s when not positive
	Logger      *slog.Logger        // may be nil
}

// Runner probes paths at their intervals, and at once when asked.
type Runner struct {
	options Options
	base    context.Context // ends when Run is told to stop; every probe hangs on it
	stop    context.CancelFunc
	wake    chan struct{}
	probing sync.WaitGroup

	mu       sync.Mutex
	entries  map[probes.PathID]*entry
	due      queue
	vantage  *Vantage
	onDemand int // paths with callers of RunNow
	running  int
	stats    Stats
	known    bool // SetPaths was called
}

// Stats is what the schedule tells of itself.
type Stats struct {
	Skipped            uint64 // ticks that passed while the round before them, or its confirmation, was still going on
	Throttled          uint64 // endpoints of finished rounds that ended as throttled
	FirstRoundComplete bool   // every path had a round that counts since the start; stays true over reloads
	VantageBlocked     bool   // no path passes connect: see Vantage
	InFlight           int    // probes running now
	Paths              int    // known
}

// New makes a Runner without paths.
func New(o Options) *Runner {
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
	r := &Runner{options: o, wake: make(chan struct{}, 1), entries: map[probes.PathID]*entry{}, vantage: NewVantage()}
	r.base, r.stop = context.WithCancel(context.Background())
	return r
}

// Stats returns the present counts.
func (r *Runner) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.InFlight, s.Paths, s.VantageBlocked = r.running, len(r.entries), r.vantage.Blocked()
	return s
}

// Run starts rounds when they are due until ctx ends. It then interrupts what is running and returns when every probe, also
// those of RunNow, has ended. A Runner runs once.
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
	r.stop() // under the lock: nobody starts a probe after this
	r.mu.Unlock()
	r.probing.Wait()
}

// maxSleep is how long the scheduler sleeps when it has nothing to do.
const maxSleep = time.Hour

// startDue starts what is due and returns the time until something is.
func (r *Runner) startDue(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.due) > 0 {
		e := r.due[0]
		at := e.at()
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

// runDue starts the round that is due, unless the one before is not over, and moves on to the next tick in the future.
func (r *Runner) runDue(e *entry, now time.Time) {
	if e.round != nil || !e.confirm.IsZero() {
		r.stats.Skipped++
	} else {
		r.startRound(e, e.nextRun)
	}
	interval := e.interval()
	e.nextRun, e.advance = e.nextRun.Add(-e.advance), 0
	missed := now.Sub(e.nextRun) / interval // more than none after this host was suspended
	r.stats.Skipped += uint64(missed)       //nolint:gosec // now is not before the tick
	e.nextRun = e.nextRun.Add((missed + 1) * interval)
}

func (r *Runner) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
