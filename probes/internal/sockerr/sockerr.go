// Package sockerr reads the operating system's error number out of a failed dial, read or write.
//
// Windows numbers the errors of its sockets differently (Winsock), and package syscall does not equate them with the
// portable constants. [Code] translates, so that callers compare with syscall.ECONNREFUSED on every system.
package sockerr

import (
	"errors"
	"syscall"
)

// winsock maps Winsock's error numbers to the portable ones. No other system has numbers this high.
var winsock = map[syscall.Errno]syscall.Errno{
	10024: syscall.EMFILE,
	10047: syscall.EAFNOSUPPORT,
	10049: syscall.EADDRNOTAVAIL,
	10051: syscall.ENETUNREACH,
	10053: syscall.ECONNABORTED,
	10054: syscall.ECONNRESET,
	10055: syscall.ENOBUFS,
	10060: syscall.ETIMEDOUT,
	10061: syscall.ECONNREFUSED,
	10065: syscall.EHOSTUNREACH,
}

// Code returns the portable error number in err's chain, 0 if there is none.
func Code(err error) syscall.Errno {
	var code syscall.Errno
	if !errors.As(err, &code) {
		return 0
	}
	if portable, ok := winsock[code]; ok {
		return portable
	}
	return code
}

// Exhausted reports whether this host ran out of what a socket needs (descriptors, buffers, memory). Such an error
// says nothing about the peer.
func Exhausted(err error) bool {
	switch Code(err) {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
		return true
	}
	return false
}
