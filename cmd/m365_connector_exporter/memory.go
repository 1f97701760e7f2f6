package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// somePaths is where what rests in memory begins to matter.
const somePaths = 1000

// What may lie as garbage beside what is in use. What is known of thousands of paths stays in memory for hours, and as much again would be
// held for nothing: a seventh must do. It is to be leastGarbage bytes in any case, for a collection passes over all that is in use, and as
// much as is made within garbageFor, up to mostGarbage: a daemon that makes hundreds of probes a second would do little else. Where
// manyWaiting probes have a connection, servers keep them waiting: what each of them made lies between what the others hold, and would
// stay in memory with it.
const (
	leastGarbage = 16 << 20
	mostGarbage  = 64 << 20
	garbageFor   = 2 * time.Second
	manyWaiting  = 200
	leastPercent = 15
	mostPercent  = 400
)

// gcPercent is how much garbage may lie beside live bytes in use before it is collected, in percent of these.
func gcPercent(paths, waiting int, garbage, live uint64) int {
	switch {
	case paths < somePaths:
		return 100
	case waiting >= manyWaiting:
		return leastPercent
	}
	return min(max(int(100*garbage/max(live, 1)), leastPercent), mostPercent) //nolint:gosec // at most 100*garbage
}

// tuneGC applies it, unless the operator has said otherwise in the runtime's own words.
func (d *daemon) tuneGC() {
	setGCPercent(gcPercent(d.runner.Stats().Paths, d.gate.InFlight(), d.garbage.Load(), bytesOf("/gc/heap/live:bytes")))
}

func bytesOf(metric string) uint64 {
	sample := []metrics.Sample{{Name: metric}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// litter follows how much garbage is made. One judgement of thousands of paths makes more of it in a moment than probes do in a minute, and
// is to count for little: what comes out is the mean of some ten seconds.
type litter struct {
	made   uint64  // since the program began, in bytes
	second float64 // bytes in one second, on average
}

const litterFor = 10 * time.Second // the time that its mean is of

// after takes what has been made when so much time more has gone, and returns how much may lie.
func (l *litter) after(gone time.Duration, made uint64) (garbage uint64) {
	weight := min(gone.Seconds()/litterFor.Seconds(), 1)
	l.second += weight * (float64(made-l.made)/max(gone, time.Millisecond).Seconds() - l.second)
	l.made = made
	return uint64(min(max(l.second*garbageFor.Seconds(), leastGarbage), mostGarbage))
}

// hurry lets a reload have its time for itself, until tuneGC: it allocates in a second what rounds do in minutes, and collected as
// eagerly as at rest, passing over all that is known of thousands of paths again and again, it took twice as long.
func hurry() { setGCPercent(100) }

func setGCPercent(percent int) {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(percent)
	}
}

// releaseEvery is how long what thousands of paths took for a moment is kept: after the first rounds, a judgement or a scrape that is
// as much as what rests, and the runtime by itself takes minutes to give it back.
const releaseEvery = 30 * time.Second

// keepLean gives memory back while there are somePaths, and sees each second whether many probes wait and how much garbage is made,
// until ctx ends.
func (d *daemon) keepLean(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	released, waited, litter := time.Now(), false, litter{made: bytesOf("/gc/heap/allocs:bytes")}
	last := released
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			gone := time.Since(last) // more than a second where the machine stood still
			last = last.Add(gone)
			garbage := litter.after(gone, bytesOf("/gc/heap/allocs:bytes"))
			if d.runner.Stats().Paths < somePaths {
				continue
			}
			waiting, due := d.gate.InFlight() >= manyWaiting, time.Since(released) >= releaseEvery
			if due {
				debug.FreeOSMemory()
				released = time.Now()
			}
			if due || waiting != waited || unlike(garbage, d.garbage.Load()) {
				d.garbage.Store(garbage)
				d.tuneGC()
				waited = waiting
			}
		}
	}
}

// unlike reports whether two amounts differ by more than a quarter: each change stops the whole program for a moment.
func unlike(a, b uint64) bool { return 4*a > 5*b || 4*b > 5*a }
