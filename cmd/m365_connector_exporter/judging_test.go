package main

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes"
)

// TestKeepLearning: what does not answer is asked again soon, less and less often; what answers, every hour; a reload begins anew.
func TestKeepLearning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		answers := []bool{false, false, true, false, true}
		start := time.Now()
		var asked []time.Duration
		err := keepLearning(ctx, nil, func(context.Context) bool {
			asked = append(asked, time.Since(start))
			if len(asked) == len(answers) {
				cancel()
			}
			return answers[len(asked)-1]
		})
		want := []time.Duration{0, 30 * time.Second, 90 * time.Second, time.Hour + 90*time.Second, time.Hour + 2*time.Minute}
		if err != nil || !slices.Equal(asked, want) {
			t.Errorf("asked at %v, want %v; %v", asked, want, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		reloaded := make(chan struct{})
		start := time.Now()
		var asked []time.Duration
		go func() {
			time.Sleep(time.Minute)
			reloaded <- struct{}{}
			time.Sleep(23*time.Hour + 30*time.Minute)
			cancel()
		}()
		_ = keepLearning(ctx, reloaded, func(context.Context) bool { // nobody ever answers
			asked = append(asked, time.Since(start))
			return false
		})
		if len(asked) < 25 || len(asked) > 32 || asked[2] != time.Minute || asked[3] != 90*time.Second {
			t.Errorf("asked %d times, at %v", len(asked), asked)
		}
	})
}

// TestKeepJudging: a round is judged within ten seconds; while none ends, the judgement stands for a minute.
func TestKeepJudging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := still(t)
		start := time.Now()
		go func() { _ = d.keepJudging(ctx) }()
		var judged []time.Duration
		before := d.store.Snapshot().Report
		for range 100 {
			time.Sleep(time.Second)
			synctest.Wait()
			if now := d.store.Snapshot().Report; now != before {
				before = now
				judged = append(judged, time.Since(start))
			}
			if time.Since(start) == 15*time.Second {
				d.store.Record(probes.Result{Path: d.store.Snapshot().Paths[0].Path.ID})
			}
		}
		cancel()
		synctest.Wait()
		if want := []time.Duration{20 * time.Second, 80 * time.Second}; !slices.Equal(judged, want) {
			t.Errorf("judged after %v, want %v", judged, want)
		}
	})
}
