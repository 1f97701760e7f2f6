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
// held for nothing: a seventh must do. Some hundred probes make garbage bytes, and are to have that much in any case, for a collection
// passes over all that is in use. Where manyWaiting probes have a connection, servers keep them waiting: what each of them made lies
// between what the others hold, and would stay in memory with it.
const (
	garbage      = 16 << 20
	manyWaiting  = 200
	leastPercent = 15
	mostPercent  = 400
)

// gcPercent is how much garbage may lie beside live bytes in use before it is collected, in percent of these.
func gcPercent(paths, waiting int, live uint64) int {
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
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	setGCPercent(gcPercent(d.runner.Stats().Paths, d.gate.InFlight(), live[0].Value.Uint64()))
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

// keepLean gives memory back while there are somePaths, and sees each second whether many probes wait, until ctx ends.
func (d *daemon) keepLean(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	released, waited := time.Now(), false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if d.runner.Stats().Paths < somePaths {
				continue
			}
			waiting, due := d.gate.InFlight() >= manyWaiting, time.Since(released) >= releaseEvery
			if due {
				debug.FreeOSMemory()
				released = time.Now()
			}
			if due || waiting != waited {
				d.tuneGC()
				waited = waiting
			}
		}
	}
}
