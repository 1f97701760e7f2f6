package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

// somePaths and manyPaths are where what rests in memory begins to matter, and where it matters more than the CPU.
const somePaths, manyPaths = 1000, 5000

// gcPercent is how much garbage may lie beside what is in use before it is collected. What is known of thousands of paths stays in
// memory for hours, and twice that would be held for nothing; with few paths, collecting often would cost more than it saves.
func gcPercent(paths int) int {
	switch {
	case paths < somePaths:
		return 100
	case paths < manyPaths:
		return 50
	default:
		return 15
	}
}

// tuneGC applies it, unless the operator has said otherwise in the runtime's own words.
func tuneGC(paths int) {
	setGCPercent(gcPercent(paths))
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

// keepLean gives memory back while there are some thousand paths, until ctx ends.
func (d *daemon) keepLean(ctx context.Context) error {
	tick := time.NewTicker(releaseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if len(d.board.View().Paths) >= somePaths {
				debug.FreeOSMemory()
			}
		}
	}
}
