//go:build !unix

package regularfile

// nonblock is empty: no path of a Windows file system leads to a pipe.
const nonblock = 0
