//go:build unix

package wire

import "golang.org/x/sys/unix"

const canLook = true

// readable reports whether a read would not have to wait: something has come, the peer has closed, or the connection is broken. It
// asks poll(2), for a look at the bytes themselves (MSG_PEEK) takes the error of a broken connection away from the read. Where it cannot
// tell, the read may wait.
func readable(fd uintptr) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0) //nolint:gosec // a descriptor
	return n > 0 || err != nil
}
