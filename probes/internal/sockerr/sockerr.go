// Package sockerr returns the operating system's error number of a failed dial, read or write.
//
// On Windows, socket errors have other numbers (Winsock) than the portable constants of package syscall. [Code]
// translates them, so that callers can compare with syscall.ECONNREFUSED on every system.
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

// Exhausted reports whether this host has run out of the resources for a socket (descriptors, buffers, memory). Such an
// error proves nothing about the peer.
func Exhausted(err error) bool {
	switch Code(err) {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
		return true
	}
	return false
}
