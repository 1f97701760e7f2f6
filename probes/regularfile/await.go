package regularfile

import (
	"context"
	"sync"
	"time"
)

// Timeout is how long one call may take. While other calls hang, it is that divided by one more than their number, so
// that a load of many files from a file system that does not respond takes a minute and not hours.
const Timeout = 10 * time.Second

// maxHanging is how many calls may hang at a time. With more, every call fails.
const maxHanging = 64

// hanging are the calls that were given up and have not returned, by folder: none is made in a folder in which one
// hangs.
var hanging = struct {
	sync.Mutex
	total  int
	folder map[string]int
}{folder: map[string]int{}}

// await returns what f returns, or an error when ctx ends or the call takes too long. f then goes on; its result is
// dropped.
func await[T any](ctx context.Context, folder string, f func() (T, error)) (T, error) {
	var none T
	timeout, ok := timeoutIn(folder)
	if !ok {
		return none, ErrTimeout
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	err := ErrTimeout
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timer.C:
	}
	count(folder, 1)
	go func() {
		<-done
		count(folder, -1)
	}()
	return none, err
}

// timeoutIn returns how long a call in a folder may take now; ok is false where none may be made.
func timeoutIn(folder string) (timeout time.Duration, ok bool) {
	hanging.Lock()
	defer hanging.Unlock()
	return Timeout / time.Duration(hanging.total+1), hanging.folder[folder] == 0 && hanging.total < maxHanging
}

func count(folder string, change int) {
	hanging.Lock()
	defer hanging.Unlock()
	hanging.total += change
	if hanging.folder[folder] += change; hanging.folder[folder] == 0 {
		delete(hanging.folder, folder)
	}
}
