package main

import "testing"

func TestGCPercent(t *testing.T) {
	for name, c := range map[string]struct {
		paths, waiting int
		live           uint64 // bytes
		want           int
	}{
		"few paths: as the runtime does":       {999, 999, 8 << 20, 100},
		"what some hundred probes make":        {1000, 199, 8 << 20, 200},
		"as much, beside more":                 {5000, 0, 40 << 20, 40},
		"a seventh of very much":               {50000, 0, 400 << 20, 15},
		"before the first collection":          {1000, 0, 0, 400},
		"just after the start of many":         {10000, 0, 2 << 20, 400},
		"where both are the same, the seventh": {20000, 0, 107 << 20, 15},
		"many wait":                            {1000, 200, 8 << 20, 15},
	} {
		if got := gcPercent(c.paths, c.waiting, c.live); got != c.want {
			t.Errorf("%s: %d %%, want %d", name, got, c.want)
		}
	}
}
