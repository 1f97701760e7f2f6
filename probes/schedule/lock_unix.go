//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package schedule

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// lockWait is how long to wait for another process that holds the lock.
const lockWait = 5 * time.Second

// lockFile takes the lock that all processes with one state file share. The kernel releases it when a process dies.
func lockFile(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // beside the administrator's state file
	if err != nil {
		return nil, err
	}
	release := func() { _ = f.Close() } // closing unlocks
	for deadline := time.Now().Add(lockWait); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return release, nil
		}
		busy := errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR)
		if !busy || time.Now().After(deadline) {
			release()
			return nil, err
		}
	}
}
