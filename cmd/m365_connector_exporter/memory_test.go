package main

import "testing"

func TestGCPercent(t *testing.T) {
	for name, c := range map[string]struct {
		paths int
		live  uint64 // bytes
		want  int
	}{
		"few paths: as the runtime does":       {999, 8 << 20, 100},
		"what some hundred probes make":        {1000, 8 << 20, 200},
		"as much, beside more":                 {5000, 40 << 20, 40},
		"a seventh of very much":               {50000, 400 << 20, 15},
		"before the first collection":          {1000, 0, 400},
		"just after the start of many":         {10000, 2 << 20, 400},
		"where both are the same, the seventh": {20000, 107 << 20, 15},
	} {
		if got := gcPercent(c.paths, c.live); got != c.want {
			t.Errorf("%s: %d %%, want %d", name, got, c.want)
		}
	}
}
