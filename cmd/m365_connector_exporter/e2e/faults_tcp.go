//go:build e2e

package e2e

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
)

// listenWith serves each connection with a function that gets the TCP socket.
func listenWith(serve func(*net.TCPConn)) func(testing.TB, string) int {
	return func(t testing.TB, host string) int {
		t.Helper()
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer func() { _ = c.Close() }()
					_ = c.SetDeadline(time.Now().Add(time.Minute))
					serve(c.(*net.TCPConn))
				}()
			}
		}()
		return l.Addr().(*net.TCPAddr).Port
	}
}

// closedPort returns a port where nothing listens.
func closedPort(t testing.TB, _ string) int {
	t.Helper()
	return freePort(t)
}

// fullBacklog starts a listener whose backlog is full: the kernel drops every further SYN.
func fullBacklog(t testing.TB, host string) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	at := &syscall.SockaddrInet4{Addr: [4]byte(net.ParseIP(host).To4())}
	if err := syscall.Bind(fd, at); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := net.TCPAddr{IP: net.ParseIP(host), Port: name.(*syscall.SockaddrInet4).Port}
	c, err := net.Dial("tcp", addr.String()) // a backlog of 0 holds one
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return addr.Port
}

// rawHandler returns a script that passes each new connection to f.
func rawHandler(f func(net.Conn)) lab.Script { return lab.Script{Handler: f} }

// resetAfter sends text, waits for data and closes with unread bytes, which resets the connection.
func resetAfter(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Write([]byte(text))
		_, _ = c.Read(make([]byte, 1))
	}
}

// awaitPeer waits until the peer sends a byte or closes the connection.
func awaitPeer(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }

// endless writes text until the peer closes the connection.
func endless(first, text string) func(net.Conn) {
	return func(c net.Conn) {
		for _, err := c.Write([]byte(first)); err == nil; {
			_, err = c.Write([]byte(text))
		}
	}
}

func tcpFaults() []fault {
	reset := func(c *net.TCPConn) {
		time.Sleep(200 * time.Millisecond) // at once, it would sometimes look like a reset at connect
		_ = c.SetLinger(0)
	}
	halfClosed := func(c *net.TCPConn) {
		_ = c.CloseWrite()
		awaitPeer(c)
	}
	noRead := func(c *net.TCPConn) {
		_ = c.SetReadBuffer(1)
		_, _ = c.Write([]byte("220 mail.faults.test\r\n"))
		time.Sleep(20 * time.Second)
	}
	return []fault{
		{
			name: "tcp-refused", does: "no process listens", listen: closedPort, stage: probes.Connect,
			reason: probes.ReasonConnectRefused,
		},
		{
			name: "tcp-no-answer", does: "the SYN is dropped", listen: fullBacklog, stage: probes.Connect,
			reason: probes.ReasonConnectTimeout,
		},
		{
			name: "tcp-no-route", does: "the network has no route", hop: "203.0.113.9", stage: probes.Connect,
			reason: probes.ReasonConnectUnreachable,
		},
		{
			name: "tcp-no-route-six", does: "this host has no IPv6",
			probe: "connect_to: [\"2001:db8::9\"], ip_protocol: ip6, ", stage: probes.Connect,
			reason: probes.ReasonFamilyUnavailable,
		},
		{
			name: "tcp-source", does: "source_address is not of this host", probe: "source_address: 192.0.2.99, ",
			stage: probes.Connect, reason: probes.ReasonFamilyUnavailable,
		},
		{
			name: "tcp-closed", does: "closes at once", server: lab.Script{Handler: func(net.Conn) {}},
			stage: probes.EHLO, reason: probes.ReasonConnectionClosed,
		},
		{
			name: "tcp-reset", does: "resets instead of a greeting", listen: listenWith(reset), stage: probes.EHLO,
			reason: probes.ReasonConnectionClosed,
		},
		{
			name: "tcp-half-closed", does: "closes its side and keeps the connection", listen: listenWith(halfClosed),
			stage: probes.EHLO, reason: probes.ReasonConnectionClosed,
		},
		{
			name: "tcp-tarpit", does: "accepts and sends nothing", server: lab.Script{}, stage: probes.EHLO,
			reason: probes.ReasonGreetingTimeout,
		},
		{
			name: "tcp-drip", does: "one byte of the greeting a second",
			server: lab.Script{Greeting: "220 mail.faults.test ESMTP\r\n", PerByte: time.Second}, stage: probes.EHLO,
			reason: probes.ReasonGreetingTimeout,
		},
		{
			name: "tcp-never-reads", does: "sends a greeting and reads nothing", listen: listenWith(noRead),
			stage: probes.EHLO, reason: probes.ReasonReplyTimeout,
		},
		{
			name: "tcp-flood", does: "endless bytes without a line break",
			server: rawHandler(endless("", strings.Repeat("x", 4096))), stage: probes.EHLO, reason: probes.ReasonReplyTooLong,
		},
		{
			name: "tcp-flood-lines", does: "an endless greeting",
			server: rawHandler(endless("220-a\r\n", strings.Repeat("220-b\r\n", 100))), stage: probes.EHLO,
			reason: probes.ReasonReplyTooLong,
		},
		{
			name: "tcp-zeros", does: "endless zero bytes", server: rawHandler(endless("", strings.Repeat("\x00", 4096))),
			stage: probes.EHLO, reason: probes.ReasonReplyTooLong,
		},
		{
			name: "tcp-reset-in-ehlo", does: "sends a greeting, resets at EHLO",
			server: rawHandler(resetAfter("220 mail.faults.test\r\n")), stage: probes.EHLO,
			reason: probes.ReasonConnectionClosed,
		},
	}
}
