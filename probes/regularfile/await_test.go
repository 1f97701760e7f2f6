package regularfile

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// hang is a call that returns when release is closed.
func hang(release chan struct{}) func() (string, error) {
	return func() (string, error) { <-release; return "late", nil }
}

func TestCallThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, start := make(chan struct{}), time.Now()
		if got, err := await(t.Context(), "mount", hang(release)); got != "" || !errors.Is(err, ErrTimeout) ||
			time.Since(start) != Timeout {
			t.Errorf("%q, %v after %v; want %v after %v", got, err, time.Since(start), ErrTimeout, Timeout)
		}
		start = time.Now()
		if _, err := await(t.Context(), "mount", hang(release)); !errors.Is(err, ErrTimeout) || time.Since(start) != 0 {
			t.Errorf("another call in its folder: %v after %v; want %v at once", err, time.Since(start), ErrTimeout)
		}
		if got, err := await(t.Context(), "disk", func() (string, error) { return "read", nil }); got != "read" ||
			err != nil {
			t.Errorf("a call in another folder: %q, %v", got, err)
		}
		close(release)
		synctest.Wait()
		if got, err := await(t.Context(), "mount", hang(release)); got != "late" || err != nil {
			t.Errorf("after the file system has responded: %q, %v", got, err)
		}
	})
}

func TestCallEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, start := make(chan struct{}), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := await(ctx, "mount", hang(release)); !errors.Is(err, context.DeadlineExceeded) ||
			time.Since(start) != time.Second {
			t.Errorf("%v after %v; want %v after 1s", err, time.Since(start), context.DeadlineExceeded)
		}
		close(release)
		synctest.Wait()
	})
}

// TestManyCallsHang: a load of very many files from file systems that do not respond takes a minute, and few threads.
func TestManyCallsHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, start := make(chan struct{}), time.Now()
		var running atomic.Int32
		for i := range 10_000 {
			_, err := await(t.Context(), fmt.Sprint("mount", i), func() (string, error) {
				running.Add(1)
				return hang(release)()
			})
			if !errors.Is(err, ErrTimeout) {
				t.Fatal(err)
			}
		}
		if time.Since(start) > time.Minute || running.Load() > maxHanging {
			t.Errorf("%d calls hang after %v; want at most %d, within a minute", running.Load(), time.Since(start), maxHanging)
		}
		close(release)
		synctest.Wait()
		if hanging.total != 0 || len(hanging.folder) != 0 {
			t.Errorf("%d calls in %d folders are still counted", hanging.total, len(hanging.folder))
		}
	})
}
