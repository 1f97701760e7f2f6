package schedule

import (
	"container/heap"
	"context"
	"reflect"
	"time"

	"m365_connector_exporter/probes"
)

// minInterval bounds a nonsensical interval from below.
const minInterval = time.Second

// entry is a path with its place in time and its state. The Runner's mutex guards it.
type entry struct {
	path       *probes.Path  // replaced, never changed
	configured bool          // SetPaths named it
	nextRun    time.Time     // of the next round
	advance    time.Duration // how much sooner than an interval the one after it comes
	confirm    time.Time     // of the round that confirms a first failure; zero when none is due
	index      int           // in the queue; -1 outside

	round      *round       // the scheduled round that is going on
	running    *run         // the probe that is running, whoever asked for it
	callers    int          // of RunNow
	users      int          // goroutines that hold this entry
	connects   connectState // the vantage's
	failed     bool         // the last conclusive verdict
	confirming bool         // the next scheduled round confirms
	completed  bool         // had a round that counts
	last       *run         // the newest whole result
	lastEnded  time.Time
}

// round is one scheduled round. It is dropped when it is no longer its entry's.
type round struct {
	path   *probes.Path
	cancel context.CancelFunc
}

func scheduled(p probes.Path) bool { return p.NotProbed == "" && p.NotProbeable == "" }

func (e *entry) interval() time.Duration { return max(e.path.Settings.Interval, minInterval) }

// at is when the entry is to be looked at next.
func (e *entry) at() time.Time {
	if !e.confirm.IsZero() && e.confirm.Before(e.nextRun) {
		return e.confirm
	}
	return e.nextRun
}

// SetPaths makes these the paths that are probed. Unchanged ones keep their place in time and their state, changed ones keep
// their verdict and start anew, gone ones stop and their running round is interrupted. Only those with neither NotProbed nor
// NotProbeable are scheduled. The runner holds paths itself, not a copy: nobody changes it afterwards.
func (r *Runner) SetPaths(paths []probes.Path) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := make(map[probes.PathID]bool, len(paths))
	var changed []*entry
	for i := range paths {
		p := &paths[i]
		if !wanted[p.ID] { // the first of two with one name
			wanted[p.ID] = true
			if e := r.setPath(p); e != nil {
				changed = append(changed, e)
			}
		}
	}
	now := time.Now()
	for _, e := range changed {
		first, early := splay(*e.path, e.interval(), len(changed))
		e.nextRun, e.advance = now.Add(first), early
		heap.Push(&r.due, e)
	}
	for id, e := range r.entries {
		if !wanted[id] && e.configured {
			r.unschedule(e)
			e.configured, e.failed, e.completed, e.last = false, false, false, nil
			r.forget(e)
		}
	}
	r.known = true
	r.checkFirstRound()
	r.wakeUp()
}

// setPath returns the entry where it has to be scheduled anew.
func (r *Runner) setPath(p *probes.Path) *entry {
	e := r.entry(p)
	if e.configured && reflect.DeepEqual(e.path, p) {
		e.path = p // the old one would keep every path of its configuration in memory
		return nil
	}
	r.unschedule(e)
	e.path, e.configured, e.last = p, true, nil
	if !scheduled(*p) {
		return nil
	}
	return e
}

// entry finds or makes the entry of a path.
func (r *Runner) entry(p *probes.Path) *entry {
	e := r.entries[p.ID]
	if e == nil {
		e = &entry{path: p, index: -1}
		r.entries[p.ID] = e
	}
	return e
}

// unschedule takes an entry out of the queue and interrupts its scheduled round.
func (r *Runner) unschedule(e *entry) {
	if e.index >= 0 {
		heap.Remove(&r.due, e.index)
	}
	if e.round != nil {
		e.round.cancel()
		e.round = nil
	}
	e.confirm, e.confirming = time.Time{}, false
	r.vantage.Forget(&e.connects)
}

// forget drops an entry that is neither configured nor in use.
func (r *Runner) forget(e *entry) {
	if !e.configured && e.users == 0 {
		delete(r.entries, e.path.ID)
	}
}

func (r *Runner) checkFirstRound() {
	if r.stats.FirstRoundComplete || !r.known {
		return
	}
	for _, e := range r.due {
		if !e.completed {
			return
		}
	}
	r.stats.FirstRoundComplete = true
}

// queue is a heap of entries, the earliest first.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at().Before(q[j].at()) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is for package heap.
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.index = len(*q)
	*q = append(*q, e)
}

// Pop is for package heap.
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q, e.index = old[:len(old)-1], -1
	return e
}

func (q *queue) fix(e *entry) {
	if e.index >= 0 {
		heap.Fix(q, e.index)
	}
}
