package daemon

import (
	"testing"
	"time"
)

// TestClockWatch holds that a jump is reported once, in both directions, and that small corrections are not.
func TestClockWatch(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var watch clockWatch
	for i, look := range []struct{ wall, run, want time.Duration }{
		{0, 0, 0}, // the first comparison
		{5 * time.Second, 5 * time.Second, 0},
		{10*time.Second + 900*time.Millisecond, 10 * time.Second, 0},
		{time.Hour, 15 * time.Second, time.Hour - 15*time.Second - 900*time.Millisecond},
		{time.Hour + 5*time.Second, 20 * time.Second, 0},
		{-time.Hour, 25 * time.Second, -2*time.Hour - 10*time.Second},
		{-time.Hour + time.Minute, 85 * time.Second, 0}, // looked at late
		{400 * 24 * time.Hour, 86 * time.Second, 401*24*time.Hour - 24*time.Hour + time.Hour - time.Minute - time.Second},
	} {
		if got := watch.compare(start.Add(look.wall), look.run); got != look.want {
			t.Errorf("look %d: %v, want %v", i, got, look.want)
		}
	}
}
