package daemon

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connectionLimit closes new connections while there are as many as allowed, over all listeners, before TLS and before
// authentication. It closes them rather than letting them wait: a client that is refused can try again, and a liveness
// probe gets an answer.
type connectionLimit struct {
	limit int64
	open  atomic.Int64
}

// connState is for [http.Server.ConnState].
func (l *connectionLimit) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if l.open.Add(1) > l.limit {
			_ = c.Close()
			return
		}
		limitBuffers(c)
	case http.StateClosed, http.StateHijacked:
		l.open.Add(-1)
	case http.StateActive, http.StateIdle:
	}
}

// The buffers of a connection in the kernel, in bytes. By default the one for what a client does not read grows to
// megabytes, in the memory of this process's control group. Requests are small.
const (
	sendBuffer    = 64 << 10
	receiveBuffer = 16 << 10
)

// limitBuffers sets the sizes of the kernel's buffers.
func limitBuffers(c net.Conn) {
	for {
		inner, ok := c.(interface{ NetConn() net.Conn }) // such as TLS
		if !ok {
			break
		}
		c = inner.NetConn()
	}
	if c, ok := c.(interface {
		SetReadBuffer(bytes int) error
		SetWriteBuffer(bytes int) error
	}); ok {
		_, _ = c.SetReadBuffer(receiveBuffer), c.SetWriteBuffer(sendBuffer) // the kernel's defaults work too
	}
}

// serverLog limits how much peers can make the HTTP server log: failed handshakes, for example. Of the messages in
// each period it logs the first ones, and then how many more there were.
type serverLog struct {
	log *slog.Logger

	mu         sync.Mutex
	logged     int
	suppressed int
	running    bool // a period
}

const (
	serverLogPeriod = time.Minute
	serverLogBurst  = 10 // messages in a period
)

// Write logs one message. It is for [log.New].
func (l *serverLog) Write(message []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.running {
		l.running = true
		time.AfterFunc(serverLogPeriod, l.endPeriod)
	}
	if l.logged == serverLogBurst {
		l.suppressed++
		return len(message), nil
	}
	l.logged++
	l.log.Warn("HTTP server", slog.String("message", string(message)))
	return len(message), nil
}

func (l *serverLog) endPeriod() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.suppressed > 0 {
		l.log.Warn("more messages of the HTTP server were not logged", slog.Int("count", l.suppressed))
	}
	l.running, l.logged, l.suppressed = false, 0, 0
}
