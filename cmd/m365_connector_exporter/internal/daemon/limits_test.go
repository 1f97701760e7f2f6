package daemon

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestConnectionLimitClosesExcessConnections(t *testing.T) {
	limit := connectionLimit{limit: 2}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = limit.connState
	server.Start()
	defer server.Close()
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	answers := func(c net.Conn) bool {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") // it may be closed
		n, _ := c.Read(make([]byte, 1000))
		return n > 0
	}
	first, second := dial(), dial()
	defer func() { _ = first.Close() }()
	if !answers(first) || !answers(second) {
		t.Fatal("a connection within the limit is not answered")
	}
	if third := dial(); answers(third) {
		t.Error("a connection above the limit is answered")
	}
	if !answers(first) {
		t.Error("a connection within the limit was closed")
	}
	_ = second.Close()
	for !answers(dial()) { // until the server has seen the end of the second
		time.Sleep(time.Millisecond)
	}
}

func TestServerLogIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out logWatch
		limited := &serverLog{log: slog.New(slog.NewTextHandler(&out, nil))}
		logger := log.New(limited, "", 0)
		for i := range 1000 {
			logger.Printf("http: TLS handshake error %d", i)
		}
		if n := strings.Count(out.String(), "handshake error"); n != serverLogBurst {
			t.Errorf("%d messages logged at once, want %d", n, serverLogBurst)
		}
		time.Sleep(serverLogPeriod)
		synctest.Wait()
		if want := fmt.Sprintf("count=%d", 1000-serverLogBurst); !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
		logger.Print("another")
		if !strings.Contains(out.String(), "another") {
			t.Error("the next period logs nothing")
		}
		time.Sleep(serverLogPeriod)
		synctest.Wait()
		if n := strings.Count(out.String(), "count="); n != 1 {
			t.Errorf("%d counts, want one: in the last period everything was logged\n%s", n, out.String())
		}
	})
}

// bufferedConn is a connection that records the sizes of its buffers.
type bufferedConn struct {
	net.Conn
	receive, send int
}

func (c *bufferedConn) SetReadBuffer(bytes int) error  { c.receive = bytes; return nil }
func (c *bufferedConn) SetWriteBuffer(bytes int) error { c.send = bytes; return nil }

// TestBuffersOfConnectionsAreLimited: what 512 clients do not read must not take megabytes of the kernel for each.
func TestBuffersOfConnectionsAreLimited(t *testing.T) {
	plain, secured := &bufferedConn{}, &bufferedConn{}
	limit := connectionLimit{limit: 2}
	limit.connState(plain, http.StateNew)
	limit.connState(tls.Server(secured, nil), http.StateNew)
	for name, c := range map[string]*bufferedConn{"HTTP": plain, "HTTPS": secured} {
		if c.receive != receiveBuffer || c.send != sendBuffer {
			t.Errorf("%s: buffers of %d and %d bytes, want %d and %d", name, c.receive, c.send, receiveBuffer, sendBuffer)
		}
	}
}
