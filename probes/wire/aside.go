package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
)

// aside is a connection below TLS that lets a probe wait outside the library. A reader waits deep in crypto/tls, and what its stack grew
// to there it keeps while it waits, which thousands may do. Once outside is set, a read fails with errNothingYet instead of waiting, which
// the library holds for temporary, as it does a read that ran into its deadline: it keeps what has come of a record and goes on from
// there when it is asked again.
type aside struct {
	net.Conn
	raw     syscall.RawConn
	outside bool
	ready   bool // a read need not wait, or has been waited for
	looked  bool
}

// newAside returns nil where the system lacks what it takes, and for connections that are none of the system's.
func newAside(conn net.Conn) *aside {
	sys, ok := conn.(syscall.Conn)
	if !ok || !canLook {
		return nil
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return nil
	}
	return &aside{Conn: conn, raw: raw}
}

// belowTLS is the connection to give to TLS.
func (a *aside) belowTLS(plain net.Conn) net.Conn {
	if a == nil {
		return plain
	}
	return a
}

// aboveTLS is the connection to speak through after the handshake.
func (a *aside) aboveTLS(conn *tls.Conn) net.Conn {
	if a == nil {
		return conn
	}
	a.outside = true
	return &patient{Conn: conn, under: a}
}

func (a *aside) Read(b []byte) (int, error) {
	if a.outside && !a.ready {
		return 0, errNothingYet
	}
	a.ready = false
	return a.Conn.Read(b)
}

// wait returns when there is something to read, or no more reason to wait: the read itself says what is wrong then. Should it return for
// nothing, the read waits.
func (a *aside) wait() {
	a.looked = false
	_ = a.raw.Read(a.look)
	a.ready = true
}

// look is asked before the wait and after it. Asking the system again after it would cost, and tell no more than the read will.
func (a *aside) look(fd uintptr) bool {
	if a.looked {
		return true
	}
	a.looked = true
	return readable(fd)
}

// errNothingYet is temporary by the only word for it that crypto/tls knows: net.Error's.
var errNothingYet net.Error = nothingYet{}

type nothingYet struct{}

func (nothingYet) Error() string   { return "nothing to read yet" }
func (nothingYet) Timeout() bool   { return false }
func (nothingYet) Temporary() bool { return true }

// patient reads what comes over TLS, and waits for it where the library's frames do not lie on the stack.
type patient struct {
	*tls.Conn
	under *aside
	dry   bool // the library has nothing before more has come
}

func (p *patient) Read(b []byte) (int, error) {
	for {
		if p.dry {
			p.under.wait()
			p.dry = false
		}
		n, err := p.readAhead(b)
		if !errors.Is(err, errNothingYet) {
			return n, err
		}
		if p.under.ready {
			return 0, io.ErrNoProgress // it did not even look at what has come: it never will
		}
	}
}

// readAhead reads what the library has, and does not wait where it has nothing yet.
func (p *patient) readAhead(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if !errors.Is(err, errNothingYet) {
		return n, err
	}
	if n > 0 {
		return n, nil
	}
	p.dry = true
	return 0, err
}
