package main

import (
	"context"
	"log/slog"
	"time"
)

const (
	clockEvery = 5 * time.Second // how often the clock is looked at
	// minJump is how far it must have been set for a word in the log: what NTP corrects all the time is less.
	minJump = time.Second
)

// clockWatch compares the clock on the wall with the one that nobody sets.
type clockWatch struct {
	wall time.Time     // without its monotonic reading
	run  time.Duration // since some moment, by the clock that nobody sets
}

// look tells how far the clock on the wall was set since the last look: zero, but for a jump.
func (w *clockWatch) look(wall time.Time, run time.Duration) (jump time.Duration) {
	if !w.wall.IsZero() {
		jump = wall.Sub(w.wall) - (run - w.run)
	}
	w.wall, w.run = wall, run
	if jump.Abs() < minJump {
		return 0
	}
	return jump
}

// keepTime tells of jumps of the clock until ctx ends. What rests on the clock is judged anew at once, by the clock as it is: whether it
// was wrong before or is now, nobody here knows.
func (d *daemon) keepTime(ctx context.Context) error {
	var watch clockWatch
	start := time.Now()
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		now := time.Now()
		if jump := watch.look(now.Round(0), now.Sub(start)); jump != 0 {
			d.log.Warn("the clock jumped: it was set, or this host slept; certificates are judged by the clock as it is now",
				slog.Duration("by", jump.Round(time.Second)), slog.Time("now", now))
			d.judgeNow()
			d.learnAgain()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
