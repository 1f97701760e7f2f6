//go:build unix

package regularfile

import "syscall"

// nonblock makes open(2) return at once for a FIFO without a writer.
const nonblock = syscall.O_NONBLOCK
