package exchangeonline

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Bounds of the retries of one read.
const (
	maxTries     = 4               // of one request
	maxWait      = 5 * time.Minute // of all waits of one read together
	firstWait    = 5 * time.Second // doubled with each try
	rotationWait = 10 * time.Second
)

// budget is what remains of the bounds of one read.
type budget struct {
	bytes int64         // of responses
	wait  time.Duration // between attempts
	sleep func(context.Context, time.Duration) error
}

// pause waits before another attempt. ok is false if the budget is used up or ctx has ended.
func (b *budget) pause(ctx context.Context, d time.Duration) (ok bool) {
	if d > b.wait {
		return false
	}
	b.wait -= d
	return b.sleep(ctx, d) == nil
}

// backoff returns the wait after a number of attempts.
func backoff(tries int) time.Duration { return firstWait << tries }

// retryAfter returns the wait in the field Retry-After: seconds, or a date (RFC 9110, section 10.2.3). It returns
// standard if there is none, and never less than a second.
func retryAfter(h http.Header, now time.Time, standard time.Duration) time.Duration {
	text := h.Get("Retry-After")
	wait := standard
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return max(wait, time.Second)
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
