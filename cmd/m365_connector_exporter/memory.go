package main

import (
	"os"
	"runtime/debug"
)

// manyPaths is where what rests in memory begins to matter.
const manyPaths = 5000

// gcPercent is how much garbage may lie beside what is in use before it is collected. What is known of thousands of paths stays in
// memory for hours, and twice that would be held for nothing; with few paths, collecting often would cost more than it saves.
func gcPercent(paths int) int {
	switch {
	case paths < 1000:
		return 100
	case paths < manyPaths:
		return 50
	default:
		return 25
	}
}

// tuneGC applies it, unless the operator has said otherwise in the runtime's own words.
func tuneGC(paths int) {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(gcPercent(paths))
	}
}

// release gives back what a judgement of thousands of paths took for a moment: it is half as much as what rests.
func release(paths int) {
	if paths >= manyPaths {
		debug.FreeOSMemory()
	}
}
