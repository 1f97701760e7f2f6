package sockerr

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestCode(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", err)} }
	for _, tt := range []struct {
		name      string
		err       error
		want      syscall.Errno
		exhausted bool
	}{
		{"none", nil, 0, false},
		{"not of the system", errors.New("refused"), 0, false},
		{"refused", dial(syscall.ECONNREFUSED), syscall.ECONNREFUSED, false},
		{"refused, Winsock", dial(syscall.Errno(10061)), syscall.ECONNREFUSED, false},
		{"unreachable, Winsock", dial(syscall.Errno(10065)), syscall.EHOSTUNREACH, false},
		{"no descriptors", dial(syscall.EMFILE), syscall.EMFILE, true},
		{"no descriptors, Winsock", dial(syscall.Errno(10024)), syscall.EMFILE, true},
		{"no buffers, Winsock", dial(syscall.Errno(10055)), syscall.ENOBUFS, true},
		{"no memory", dial(syscall.ENOMEM), syscall.ENOMEM, true},
	} {
		if got := Code(tt.err); got != tt.want || Exhausted(tt.err) != tt.exhausted {
			t.Errorf("%s: %v, exhausted %t", tt.name, got, Exhausted(tt.err))
		}
	}
}
