package regularfile

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrLocked is the error for a lock that another process, or another part of this one, holds.
var ErrLocked = errors.New("another process holds the lock")

const lockRetry = 10 * time.Millisecond

// Lock locks a file, which it creates if it is missing. If the file is locked, it waits for at most the given time,
// after which the error wraps ErrLocked. The kernel releases the lock when the process ends, even if it crashes.
func Lock(name string, wait time.Duration) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // beside the administrator's state file
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	release := func() { _ = f.Close() } // closing unlocks
	for waited := time.Duration(0); ; waited += lockRetry {
		busy, err := tryLock(f)
		switch {
		case err != nil:
			release()
			return nil, fmt.Errorf("locking %s: %w", name, err)
		case !busy:
			return release, nil
		case waited >= wait:
			release()
			return nil, fmt.Errorf("%s: %w", name, ErrLocked)
		}
		time.Sleep(lockRetry)
	}
}
