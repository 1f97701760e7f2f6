package smtpprobe

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
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

func TestRepliesAfterTheHandshake(t *testing.T) {
	ca := certtest.New(t)
	cert := certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter)
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
		{"closed", after(cert, raw("")), probes.ReasonConnectionClosed},
		{
			"closed by the book", after(cert, func(_ net.Conn, over *tls.Conn) { _ = over.Close() }),
			probes.ReasonConnectionClosed,
		},
		{"closed in a record", after(cert, raw("\x17\x03\x03\x00\x20half")), probes.ReasonConnectionClosed},
		{"closed in its header", after(cert, raw("\x17\x03")), probes.ReasonConnectionClosed},
		{
			"reset", after(cert, func(raw net.Conn, _ *tls.Conn) { _ = raw.(*net.TCPConn).SetLinger(0) }),
			probes.ReasonConnectionClosed,
		},
		{"clear text", after(cert, raw("250 hello in the clear\r\n")), probes.ReasonConnectionClosed},
		{
			"not a record of ours", after(cert, raw("\x17\x03\x03\x00\x20"+strings.Repeat("x", 32))),
			probes.ReasonConnectionClosed,
		},
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
		{"half a reply", after(cert, func(_ net.Conn, over *tls.Conn) {
			_, _ = over.Write([]byte("250-mail.test\r\n250-SI"))
		}), probes.ReasonConnectionClosed},
		{"a long reply", healthy(cert).with("TLS EHLO",
			strings.Repeat("250-"+strings.Repeat("x", 1000)+"\r\n", 30)+"250 ok\r\n"), ""},
		{"too long a reply", healthy(cert).with("TLS EHLO", strings.Repeat("250-x\r\n", 1200)), probes.ReasonReplyTooLong},
		{"more than was asked", healthy(cert).with("TLS EHLO", "250 ok\r\n250 sender\r\n"), probes.ReasonReplyMalformed},
		{
			"unasked, after the handshake", healthy(cert).with("TLS", "421 4.3.2 going down\r\n"),
			probes.ReasonServerUnavailable,
		},
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
			at, _ := serve(t, tt.server)
			p := testPath(at, probes.Message, mailflow.DomainValidation)
			p.Settings.Timeout = 5 * time.Second
			e := probeOne(t, testProber(ca.Roots), p)
			if _, step, _ := e.FirstProblem(); step.Reason != tt.reason {
				t.Errorf("%+v\n%v", step, e.Transcript)
			}
		})
	}
}

func TestSilentAfterTheHandshake(t *testing.T) {
	ca := certtest.New(t)
	cfg := certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter)
	synctest.Test(t, func(t *testing.T) {
		w := testProber(ca.Roots)
		throughPipe(w, func(c net.Conn) {
			healthy(cfg).withTLS(func(raw net.Conn) {
				over := tls.Server(raw, cfg)
				_, _ = io.Copy(io.Discard, over)
			}).talk(c, nil)
		})
		e := probeOne(t, w, testPath(netip.MustParseAddrPort("127.0.0.1:25"), probes.TLSStage, mailflow.EncryptionOnly))
		if step := e.Steps[probes.TLSStage]; step.Reason != probes.ReasonReplyTimeout {
			t.Errorf("%+v\n%v", step, e.Transcript)
		}
	})
}
