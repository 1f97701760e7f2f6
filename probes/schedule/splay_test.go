package schedule

import (
	"fmt"
	"testing"
	"time"

	"m365_connector_exporter/probes"
)

// TestSplay: second rounds are spread evenly over the interval if there are many paths, and over a short time if there
// are few.
func TestSplay(t *testing.T) {
	for _, tt := range []struct {
		interval time.Duration
		together int
		within   time.Duration // that first rounds begin in
		evenly   time.Duration // that second rounds are spread over
	}{
		{5 * time.Minute, 10_000, 100 * time.Second, 200 * time.Second},
		{2 * time.Minute, 10_000, time.Minute, 2 * time.Minute},
		{time.Minute, 10_000, 30 * time.Second, time.Minute},
		{time.Minute, 3, 10 * time.Second, 10 * time.Second},
		{10 * time.Second, 3, 5 * time.Second, 5 * time.Second},
	} {
		least, most := tt.interval*2, time.Duration(0)
		for i := range 10_000 {
			p := probes.Path{ID: probes.PathID{Path: fmt.Sprint("host-", i)}}
			first, advance := splay(p, tt.interval, tt.together)
			if first < 0 || first > tt.within || advance < 0 || advance > tt.interval {
				t.Fatalf("%+v: first after %s, the second %s earlier", tt, first, advance)
			}
			second := first + tt.interval - advance
			least, most = min(least, second), max(most, second)
		}
		if spread := most - least; spread < tt.evenly*99/100 || spread > tt.evenly {
			t.Errorf("%+v: second rounds are spread over %s", tt, spread)
		}
	}
}
