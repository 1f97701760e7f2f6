package schedule

import (
	"container/heap"
	"context"
	"reflect"
	"time"

	"m365_connector_exporter/probes"
)

// minInterval is the shortest interval.
const minInterval = time.Second

// entry is a path with its schedule and its state. The Runner's mutex guards it.
type entry struct {
	path       *probes.Path  // replaced as a whole, never changed
	configured bool          // it is from SetPaths, not only from RunNow
	nextRun    time.Time     // when the next round is due
	advance    time.Duration // by how much the round after it comes earlier than an interval; see splay
	confirm    time.Time     // when the round that confirms a first failure is due; zero if none is
	index      int           // in the queue; -1 if it is not queued

	round      *round // the scheduled round that is running
	running    *run   // the probe that is running, scheduled or on request
	callers    int    // of RunNow
	users      int    // goroutines that use this entry
	connects   connectState
	failed     bool // the last conclusive verdict
	confirming bool // the next scheduled round confirms a first failure
	completed  bool // a round that counts has ended
	last       *run // the newest complete result; nil after resultTTL
	lastEnded  time.Time
}

// round is one scheduled round. A round that is no longer its entry's round is not delivered.
type round struct {
	path   *probes.Path
	cancel context.CancelFunc
}

func (e *entry) interval() time.Duration { return max(e.path.Settings.Interval, minInterval) }

// nextAt returns when the next round is due, be it a regular one or one that confirms a failure.
func (e *entry) nextAt() time.Time {
	if !e.confirm.IsZero() && e.confirm.Before(e.nextRun) {
		return e.confirm
	}
	return e.nextRun
}

// SetPaths replaces the paths. Unchanged paths keep their schedule and their state. Changed paths keep their verdict
// and get a new schedule. The running rounds of removed paths are interrupted. Only scheduled paths
// ([probes.Path.Scheduled]) are probed. The Runner keeps the slice: the caller must not change it.
func (r *Runner) SetPaths(paths []probes.Path) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := make(map[probes.PathID]bool, len(paths))
	var changed []*entry
	for i := range paths {
		p := &paths[i]
		if !wanted[p.ID] { // the first of two with the same ID
			wanted[p.ID] = true
			if e := r.setPath(p); e != nil {
				changed = append(changed, e)
			}
		}
	}
	now := time.Now()
	for _, e := range changed {
		first, advance := splay(*e.path, e.interval(), len(changed))
		e.nextRun, e.advance = now.Add(first), advance
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

// setPath updates the entry of a path, and returns it if it must be scheduled.
func (r *Runner) setPath(p *probes.Path) *entry {
	e := r.entry(p)
	if e.configured && reflect.DeepEqual(e.path, p) {
		e.path = p // the old pointer would keep all paths of the old configuration in memory
		return nil
	}
	r.unschedule(e)
	e.path, e.configured, e.last = p, true, nil
	if !p.Scheduled() {
		return nil
	}
	return e
}

// entry returns the entry of a path, a new one if there is none.
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

// checkFirstRound notes when every scheduled path has had a round that counts.
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
