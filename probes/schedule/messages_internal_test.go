package schedule

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestStateFileOnAFileSystemThatDoesNotRespond checks that neither a probe nor the shutdown waits for it.
func TestStateFileOnAFileSystemThatDoesNotRespond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		calls := 0
		b := &MessageBudget{file: "state.json", now: time.Now, reserve: func(reservation) (taken, error) {
			calls++
			<-back
			return taken{ok: true}, nil
		}}
		begun := time.Now()
		if ok, _, err := b.Take("a", time.Hour); ok || !errors.Is(err, errStateTimeout) || time.Since(begun) != stateTimeout {
			t.Errorf("%v, %v after %s, want an error after %s", ok, err, time.Since(begun), stateTimeout)
		}
		begun = time.Now()
		if ok, _, err := b.Take("b", time.Hour); ok || !errors.Is(err, errStateTimeout) || time.Since(begun) != 0 || calls != 1 {
			t.Errorf("%v, %v after %s and %d calls, want an error at once", ok, err, time.Since(begun), calls)
		}
		close(back)
		synctest.Wait()
		if ok, _, err := b.Take("b", time.Hour); !ok || err != nil || b.Err() != nil {
			t.Errorf("once it responds: %v, %v", ok, err)
		}
	})
}
