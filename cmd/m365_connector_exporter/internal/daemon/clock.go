package daemon

import (
	"context"
	"log/slog"
	"time"
)

const (
	clockEvery = 5 * time.Second // between two comparisons
	minJump    = time.Second     // NTP often corrects less than that
)

// clockWatch detects jumps of the wall clock: it compares it with the monotonic clock.
type clockWatch struct {
	wall      time.Time // without its monotonic reading
	monotonic time.Duration
}

// compare returns how far the wall clock was set since the last call; zero if it was not.
func (w *clockWatch) compare(wall time.Time, monotonic time.Duration) (jump time.Duration) {
	if !w.wall.IsZero() {
		jump = wall.Sub(w.wall) - (monotonic - w.monotonic)
	}
	w.wall, w.monotonic = wall, monotonic
	if jump.Abs() < minJump {
		return 0
	}
	return jump
}

// watchClock logs jumps of the wall clock until ctx ends. After each jump it evaluates everything again with the new
// time: it cannot know whether the time was wrong before or is wrong now.
func (d *Daemon) watchClock(ctx context.Context) {
	var watch clockWatch
	start := time.Now()
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		now := time.Now()
		if jump := watch.compare(now.Round(0), now.Sub(start)); jump != 0 {
			d.log.Warn("the clock jumped: it was set, or this host was suspended; certificates are judged by the new time",
				slog.Duration("by", jump.Round(time.Second)), slog.Time("now", now))
			d.evaluator.evaluateNow()
			d.lookups.refreshNow()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
