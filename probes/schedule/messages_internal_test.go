package schedule

import (
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestStateFileOnAFileSystemThatDoesNotRespond checks that neither a probe nor the shutdown waits for it.
func TestStateFileOnAFileSystemThatDoesNotRespond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		var calls atomic.Int32
		b := &MessageBudget{file: "state.json", now: time.Now, reserve: func(reservation) (taken, error) {
			calls.Add(1)
			<-back
			return taken{ok: true}, nil
		}}
		for i, want := range []time.Duration{stateTimeout, 0} {
			begun := time.Now()
			ok, _, err := b.Take(strconv.Itoa(i), time.Hour)
			if took := time.Since(begun); ok || !errors.Is(err, errStateTimeout) || took != want {
				t.Errorf("%d: %v, %v after %s, want an error after %s", i, ok, err, took, want)
			}
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("the state file was used %d times, want once", n)
		}
		close(back)
		synctest.Wait()
		if ok, _, err := b.Take("b", time.Hour); !ok || err != nil || b.Err() != nil {
			t.Errorf("once it responds: %v, %v", ok, err)
		}
	})
}
