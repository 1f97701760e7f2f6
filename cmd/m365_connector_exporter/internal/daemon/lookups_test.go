package daemon

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// lookupTimes runs the refresh loop with lookups that answer completely or not, and returns when each began. The
// loop ends after the last, or when ctx does.
func lookupTimes(ctx context.Context, complete []bool, during func(*lookups)) (times []time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	l := newLookups(func(context.Context, *lookupResults) (*lookupResults, bool) {
		times = append(times, time.Since(start))
		if len(times) == len(complete) {
			cancel()
		}
		return &lookupResults{}, complete[len(times)-1]
	})
	go during(l)
	l.refreshLoop(ctx, func() {})
	return times
}

func TestLookupsRefreshHourlyAndSoonerWithoutAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := lookupTimes(t.Context(), []bool{false, false, true, false, true}, func(*lookups) {})
		want := []time.Duration{0, 30 * time.Second, 90 * time.Second, time.Hour + 90*time.Second, time.Hour + 2*time.Minute}
		if !slices.Equal(got, want) {
			t.Errorf("refreshed at %v, want %v", got, want)
		}
	})
}

func TestLookupsBackOffUpToAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		got := lookupTimes(ctx, make([]bool, 100), func(*lookups) {})
		if len(got) < 25 || len(got) > 32 {
			t.Errorf("%d refreshes in a day without answers, want 25 to 32", len(got))
		}
	})
}

func TestLookupsRefreshNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := lookupTimes(t.Context(), []bool{false, false, false, false}, func(l *lookups) {
			time.Sleep(time.Minute)
			l.refreshNow()
		})
		want := []time.Duration{0, 30 * time.Second, time.Minute, 90 * time.Second} // the delay starts over
		if !slices.Equal(got, want) {
			t.Errorf("refreshed at %v, want %v", got, want)
		}
	})
}
