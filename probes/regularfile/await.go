package regularfile

import (
	"context"
	"sync"
	"time"
)

// Timeout bounds one call. While n other calls hang, the bound is Timeout/(n+1), so that loading many files from a file
// system that does not respond takes a minute, not hours.
const Timeout = 10 * time.Second

// maxHanging is the number of hanging calls at which every further call fails.
const maxHanging = 64

// hanging counts the calls that timed out and have not returned, in total and by folder. While a call in a folder
// hangs, no other call is made in it.
var hanging = struct {
	sync.Mutex
	total  int
	folder map[string]int
}{folder: map[string]int{}}

// await returns the result of f, or an error if ctx ends or f takes too long. In that case f continues, and its result
// is dropped.
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

// timeoutIn returns the bound of a call in a folder. ok is false if no call may be made there now.
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
