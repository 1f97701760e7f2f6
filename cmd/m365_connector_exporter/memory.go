package main

import (
	"os"
	"runtime/debug"
)

// gcPercent is how much garbage may lie beside what is in use before it is collected. What is known of thousands of paths stays in
// memory for hours, and twice that would be held for nothing; with few paths, collecting often would cost more than it saves.
func gcPercent(paths int) int {
	switch {
	case paths < 1000:
		return 100
	case paths < 5000:
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
