package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// inPieces writes at most size bytes at a time where size is not 0, so that records and replies come in parts.
type inPieces struct {
	net.Conn
	size int
	tail string // after each write
}

func (p *inPieces) Write(b []byte) (n int, err error) {
	if p.size == 0 {
		_, err = p.Conn.Write(append(slices.Clone(b), p.tail...))
		return len(b), err
	}
	for piece := range slices.Chunk(b, p.size) {
		time.Sleep(20 * time.Microsecond) // or they would come together all the same
		wrote, err := p.Conn.Write(piece)
		if n += wrote; err != nil {
			return n, err
		}
	}
	return n, nil
}

// TestAside: whatever a peer does after the handshake, a probe that waits beside the library sees what one sees that waits within it.
func TestAside(t *testing.T) {
	if !canLook {
		t.Skip("nobody waits aside here")
	}
	ca := newPKI(t)
	cert := serverConfig(ca.leaf(t, "mail.test"), ca.inter)
	old := cert.Clone()
	old.MaxVersion = tls.VersionTLS12
	after := func(cfg *tls.Config, then func(raw net.Conn, over *tls.Conn)) script {
		return healthy(cfg).withTLS(func(raw net.Conn) {
			over := tls.Server(&inPieces{Conn: raw}, cfg)
			if over.Handshake() == nil {
				_, _ = bufio.NewReader(over).ReadString('\n')
				then(raw, over)
			}
		})
	}
	raw := func(bytes string) func(net.Conn, *tls.Conn) {
		return func(raw net.Conn, _ *tls.Conn) { _, _ = raw.Write([]byte(bytes)) }
	}
	type peer struct {
		name   string
		server script
		reason probes.Reason
	}
	peers := []peer{
		{"silent", after(cert, func(_ net.Conn, over *tls.Conn) { _, _ = io.Copy(io.Discard, over) }), probes.ReasonReplyTimeout},
		{"closed", after(cert, raw("")), probes.ReasonConnectionClosed},
		{"closed by the book", after(cert, func(_ net.Conn, over *tls.Conn) { _ = over.Close() }), probes.ReasonConnectionClosed},
		{"closed in a record", after(cert, raw("\x17\x03\x03\x00\x20half")), probes.ReasonConnectionClosed},
		{"closed in its header", after(cert, raw("\x17\x03")), probes.ReasonConnectionClosed},
		{"reset", after(cert, func(raw net.Conn, _ *tls.Conn) { _ = raw.(*net.TCPConn).SetLinger(0) }), probes.ReasonConnectionClosed},
		{"clear text", after(cert, raw("250 hello in the clear\r\n")), probes.ReasonConnectionClosed},
		{"not a record of ours", after(cert, raw("\x17\x03\x03\x00\x20"+strings.Repeat("x", 32))), probes.ReasonConnectionClosed},
		{"alert 116", after(old, raw("\x15\x03\x03\x00\x02\x02\x74")), probes.ReasonConnectionClosed},
		{"a reply and close_notify at once", after(cert, func(_ net.Conn, over *tls.Conn) {
			_, _ = over.Write([]byte("250 mail.test\r\n"))
			_ = over.Close()
		}), probes.ReasonConnectionClosed},
		{"a reply and the head of an alert at once", after(cert, func(raw net.Conn, over *tls.Conn) {
			over.NetConn().(*inPieces).tail = "\x15\x03\x03"
			_, _ = over.Write([]byte("250 mail.test\r\n"))
			_ = raw.(*net.TCPConn).CloseWrite() // closed with the next command unread, it would be a reset now and then
			_, _ = io.Copy(io.Discard, raw)
		}), probes.ReasonConnectionClosed},
		{"half a reply", after(cert, func(_ net.Conn, over *tls.Conn) { _, _ = over.Write([]byte("250-mail.test\r\n250-SI")) }), probes.ReasonConnectionClosed},
		{"a long reply", healthy(cert).with("TLS EHLO", strings.Repeat("250-"+strings.Repeat("x", 1000)+"\r\n", 30)+"250 ok\r\n"), ""},
		{"too long a reply", healthy(cert).with("TLS EHLO", strings.Repeat("250-x\r\n", 200)), probes.ReasonReplyTooLong},
		{"more than was asked", healthy(cert).with("TLS EHLO", "250 ok\r\n250 sender\r\n"), probes.ReasonReplyMalformed},
		{"unasked, after the handshake", healthy(cert).with("TLS", "421 4.3.2 going down\r\n"), probes.ReasonThrottled},
	}
	for _, cfg := range []*tls.Config{cert, old} {
		peers = append(peers, peer{"well", healthy(cfg), ""})
		for _, size := range []int{1, 4, 5, 6, 21, 100, 1000} {
			s := healthy(cfg)
			s.pieces = size
			peers = append(peers, peer{fmt.Sprintf("in pieces of %d", size), s, ""})
		}
	}
	for _, tt := range peers {
		t.Run(tt.name, func(t *testing.T) {
			var seen [2]string
			for i, within := range []bool{true, false} {
				at, _ := serve(t, tt.server)
				w := testProber(ca.roots)
				if within {
					w.dial = func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
						conn, err := d.DialContext(ctx, network, address)
						return struct{ net.Conn }{conn}, err // it hides the system's
					}
				}
				p := testPath(at, probes.Message, mailflow.DomainValidation)
				p.Settings.Timeout = 5 * time.Second
				if tt.reason == probes.ReasonReplyTimeout {
					p.Settings.Timeout = 500 * time.Millisecond
				}
				e := probeOne(t, w, p)
				_, step, _ := e.FirstProblem()
				if step.Reason != tt.reason {
					t.Errorf("within the library %t: %+v", within, step)
				}
				seen[i] = between.ReplaceAllString(shownOf(e), "")
			}
			if seen[0] != seen[1] {
				t.Errorf("within the library:\n%s\naside:\n%s", seen[0], seen[1])
			}
		})
	}
}

// between are the ends of a connection in the words of package net.
var between = regexp.MustCompile(`127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?`)

// shownOf is what a probe tells of an endpoint, without times.
func shownOf(e probes.Endpoint) string {
	var b strings.Builder
	for i, s := range e.Steps {
		s.Took = 0
		fmt.Fprintf(&b, "%v %+v\n", probes.Stage(i), s)
	}
	for _, l := range dialogueOf(e) {
		fmt.Fprintf(&b, "%c %s\n", l.From, l.Text)
	}
	return b.String()
}

// TestWaitsAside: what a probe waits on after the handshake is not the library's stack, of which thousands would hold twice as much.
func TestWaitsAside(t *testing.T) {
	if !canLook {
		t.Skip("nobody waits aside here")
	}
	for _, said := range []string{"", "\x17\x03", "\x17\x03\x03\x00\x20half a record"} {
		ca, held := newPKI(t), make(chan struct{})
		cfg := serverConfig(ca.leaf(t, "mail.test"), ca.inter)
		at, _ := serve(t, healthy(cfg).withTLS(func(raw net.Conn) {
			over := tls.Server(raw, cfg)
			_, _ = bufio.NewReader(over).ReadString('\n')
			_, _ = raw.Write([]byte(said))
			close(held)
			_, _ = io.Copy(io.Discard, over)
		}))
		p := testPath(at, probes.TLSStage, mailflow.DomainValidation)
		p.Settings.Timeout = time.Minute
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); testProber(ca.roots).Probe(ctx, &p) }()
		<-held
		for aside, within := 0, 0; aside < 20 && within < 20; time.Sleep(5 * time.Millisecond) { // the bytes may still be on their way
			stack := waiting()
			if strings.Contains(stack, "(*aside).wait") {
				aside++
			} else if aside, within = 0, within+1; within == 20 {
				t.Errorf("%q: %s", said, stack)
			}
		}
		cancel()
		<-done
	}
}

// TestKeepsNoCertificate: when a probe is about to wait, the library's certificates are gone and what they said is recorded.
func TestKeepsNoCertificate(t *testing.T) {
	ca := newPKI(t)
	cfg := serverConfig(ca.leaf(t, "mail.test"), ca.inter)
	at, _ := serve(t, script{raw: func(c net.Conn) { _ = tls.Server(c, cfg).Handshake(); _, _ = io.Copy(io.Discard, c) }})
	raw, err := net.Dial("tcp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	p := testPath(at, probes.TLSStage, mailflow.DomainValidation)
	c := &climb{w: testProber(ca.roots), path: &p, ep: &probes.Endpoint{Host: "mail.test", Addr: at}, raw: raw}
	if step := c.handshake(); step != nil {
		t.Fatal(step)
	}
	conn := c.conn
	if p, ok := conn.(*patient); ok {
		conn = p.Conn
	}
	if held := conn.(*tls.Conn).ConnectionState().PeerCertificates; len(held) != 2 || held[0] != nil || held[1] != nil {
		t.Errorf("the library still has %v", held)
	}
	if chain := c.ep.TLS.Chain; len(chain) != 2 || chain[0].DNSNames[0] != "mail.test" || c.ep.TLS.Verdicts[probes.VerdictName].Outcome != probes.Passed {
		t.Errorf("recorded: %+v", c.ep.TLS)
	}
}

// deaf is a connection on which the library hears nothing.
type deaf struct{ net.Conn }

func (deaf) Read([]byte) (int, error) { return 0, errNothingYet }

// TestNoProgress: should the library not read what has come, the probe ends instead of asking it forever.
func TestNoProgress(t *testing.T) {
	if !canLook {
		t.Skip("nobody waits aside here")
	}
	at, _ := serve(t, script{raw: func(c net.Conn) { _, _ = c.Write([]byte("hello")); _, _ = io.Copy(io.Discard, c) }})
	conn, err := net.Dial("tcp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	p := patient{Conn: tls.Client(deaf{conn}, &tls.Config{InsecureSkipVerify: true}), under: newAside(conn)}
	if n, err := p.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.ErrNoProgress) {
		t.Error(n, err)
	}
}

// TestLookTakesNothing: what broke a connection is told by the read, however often one has looked before.
func TestLookTakesNothing(t *testing.T) {
	if !canLook {
		t.Skip("nobody waits aside here")
	}
	at, _ := serve(t, script{raw: func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); _ = c.(*net.TCPConn).SetLinger(0) }})
	conn, err := net.Dial("tcp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte("x"))
	a := newAside(conn)
	for range 3 {
		a.wait()
	}
	if _, err := a.Read(make([]byte, 10)); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
}

// waiting is the stack of a probe that waits for its peer, if there is one.
func waiting() (stack string) {
	var all bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&all, 2)
	for one := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(one, "(*climb)") && strings.Contains(one, "[IO wait") {
			stack = one
		}
	}
	return stack
}
