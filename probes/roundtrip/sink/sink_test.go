package sink_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"

	"m365_connector_exporter/probes/roundtrip/sink"
)

// world is a sink on loopback that accepts canary@probe.contoso.com.
type world struct {
	sink     *sink.Sink
	address  string
	log      bytes.Buffer
	received chan sink.Message

	mu  sync.Mutex
	now time.Time
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// start runs a sink until the test ends. change may change its options.
func start(t *testing.T, change func(*sink.Options)) *world {
	t.Helper()
	w := &world{received: make(chan sink.Message, 100), now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS() // for its certificate
	server.Close()
	options := sink.Options{
		Hostname: "probe.contoso.com", Networks: func() []netip.Prefix { return nil }, Now: w.time,
		Certificate:  func() *tls.Certificate { return &server.TLS.Certificates[0] },
		HasRecipient: func(a string) bool { return a == "canary@probe.contoso.com" },
		Handle: func(_ context.Context, m *sink.Message) error {
			copied := *m
			copied.Data = bytes.Clone(m.Data)
			w.received <- copied
			return nil
		},
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	if change != nil {
		change(&options)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.sink, w.address = sink.New(options), l.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.sink.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return w
}

// dial opens a connection and reads the first line.
func (w *world) dial(t *testing.T) (c *bufio.ReadWriter, closeConn func(), greeting string) {
	t.Helper()
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	closeConn = func() { _ = conn.Close() }
	t.Cleanup(closeConn)
	c = bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn))
	line, _ := c.ReadString('\n')
	return c, closeConn, strings.TrimSpace(line)
}

// send sends a message in clear text and returns the refusal.
func (w *world) send(to, data string) error {
	c, err := smtp.Dial(w.address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.Mail("probe@contoso.com"); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	return write(c, data)
}

// write sends DATA and a message.
func write(c *smtp.Client, data string) error {
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, data); err != nil {
		return err
	}
	return w.Close()
}

const canary, short = "canary@probe.contoso.com", "Subject: x\r\n\r\nhello\r\n"

func wantRefusal(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: error %v, want %q in it", what, err, want)
	}
}

func TestMessageIsReceived(t *testing.T) {
	w := start(t, nil)
	c, err := smtp.Dial(w.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.Hello("edge-1.contoso.com"); err != nil {
		t.Fatal(err)
	}
	if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail(""); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt(canary); err != nil {
		t.Fatal(err)
	}
	if err := write(c, short); err != nil {
		t.Fatal(err)
	}
	got := <-w.received
	if string(got.Data) != short || got.From != "" || len(got.To) != 1 || got.To[0] != canary {
		t.Errorf("message %q from %q to %q", got.Data, got.From, got.To)
	}
	if got.TLS != "TLS 1.3" || got.Peer != netip.MustParseAddr("127.0.0.1") || got.Hello != "edge-1.contoso.com" {
		t.Errorf("TLS %q, peer %v, hello %q", got.TLS, got.Peer, got.Hello)
	}
	if !got.Received.Equal(w.time()) {
		t.Errorf("received %v, want %v", got.Received, w.time())
	}
}

func TestOtherRecipientsAreRefused(t *testing.T) {
	w := start(t, nil)
	for _, to := range []string{"other@probe.contoso.com", "canary@other.example", "postmaster@probe.contoso.com"} {
		wantRefusal(t, to, w.send(to, short), `550 "5.1.1`)
	}
	if got := w.sink.Stats.UnknownRecipients.Load(); got != 3 {
		t.Errorf("%d unknown recipients, want 3", got)
	}
}

func TestWithoutCertificateNoSTARTTLS(t *testing.T) {
	w := start(t, func(o *sink.Options) { o.Certificate = func() *tls.Certificate { return nil } })
	if err := w.send(canary, short); err != nil {
		t.Fatal(err)
	}
	if got := <-w.received; got.TLS != "" {
		t.Errorf("TLS %q, want none", got.TLS)
	}
}

func networks(prefix string) func() []netip.Prefix {
	return func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(prefix)} }
}

func TestConnectionsThatAreRefused(t *testing.T) {
	t.Run("from another network", func(t *testing.T) {
		w := start(t, func(o *sink.Options) { o.Networks = networks("192.0.2.0/24") })
		if _, _, got := w.dial(t); !strings.HasPrefix(got, "554 5.7.1") {
			t.Errorf("greeting %q, want 554 5.7.1", got)
		}
	})
	t.Run("from a configured network", func(t *testing.T) {
		w := start(t, func(o *sink.Options) { o.Networks = networks("127.0.0.0/8") })
		if _, _, got := w.dial(t); !strings.HasPrefix(got, "220 probe.contoso.com") {
			t.Errorf("greeting %q, want 220", got)
		}
	})
	for name, limits := range map[string]sink.Limits{"in all": {Connections: 2}, "from one address": {PerAddress: 2}} {
		t.Run("too many "+name, func(t *testing.T) {
			w := start(t, func(o *sink.Options) { o.Limits = limits })
			_, closeFirst, _ := w.dial(t)
			w.dial(t)
			if _, _, got := w.dial(t); !strings.HasPrefix(got, "421 4.7.0") {
				t.Errorf("third connection: %q, want 421 4.7.0", got)
			}
			closeFirst()
			for { // until the server has noticed
				if _, _, got := w.dial(t); strings.HasPrefix(got, "220") {
					break
				}
			}
		})
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	t.Run("too many in a minute", func(t *testing.T) {
		w := start(t, func(o *sink.Options) { o.Limits.MessagesPerMinute = 2 })
		for range 2 {
			if err := w.send(canary, short); err != nil {
				t.Fatal(err)
			}
		}
		wantRefusal(t, "third message", w.send(canary, short), `450 "4.7.1`)
		w.mu.Lock()
		w.now = w.now.Add(time.Minute)
		w.mu.Unlock()
		if err := w.send(canary, short); err != nil {
			t.Errorf("in the next minute: %v", err)
		}
	})
	t.Run("too many at once", func(t *testing.T) {
		handling, release := make(chan struct{}), make(chan struct{})
		w := start(t, func(o *sink.Options) {
			o.Limits.MessagesAtOnce = 1
			o.Handle = func(context.Context, *sink.Message) error {
				handling <- struct{}{}
				<-release
				return nil
			}
		})
		large := short + strings.Repeat("x\r\n", 30_000)
		first, small := make(chan error), make(chan error)
		go func() { first <- w.send(canary, large) }()
		<-handling
		wantRefusal(t, "a second large message", w.send(canary, large), `452 "4.3.1`)
		go func() { small <- w.send(canary, short) }() // is not held up by large ones
		<-handling
		close(release)
		if err := errors.Join(<-first, <-small); err != nil {
			t.Errorf("the other messages: %v", err)
		}
	})
	t.Run("too large", func(t *testing.T) {
		w := start(t, nil)
		wantRefusal(t, "a large message", w.send(canary, strings.Repeat("x\r\n", sink.MaxMessageBytes/3+1)), `552 "5.3.4`)
		if w.sink.Stats.TooLarge.Load() != 1 {
			t.Error("the message is not counted")
		}
	})
	t.Run("without end", func(t *testing.T) {
		w := start(t, func(o *sink.Options) { o.Limits.ConnectionBytes = 1 << 20 })
		c, _, _ := w.dial(t)
		_, _ = c.WriteString("EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<" + canary + ">\r\nDATA\r\n")
		line := strings.Repeat("x", 998) + "\r\n"
		var err error
		for sent := 0; err == nil && sent < 100<<20; sent += len(line) {
			_, err = c.WriteString(line)
		}
		if err == nil {
			t.Error("the sink reads 100 MB, want an end after 1 MB")
		}
	})
	t.Run("that cannot be processed now", func(t *testing.T) {
		w := start(t, func(o *sink.Options) {
			o.Handle = func(context.Context, *sink.Message) error { return errors.New("busy") }
		})
		wantRefusal(t, "a message", w.send(canary, short), `451 "4.3.0`)
		if w.sink.Stats.Deferred.Load() != 1 || w.sink.Stats.Accepted.Load() != 0 {
			t.Error("the message is not counted as deferred")
		}
	})
	t.Run("that nobody can handle", func(t *testing.T) {
		w := start(t, func(o *sink.Options) { o.Handle = func(context.Context, *sink.Message) error { panic("bug") } })
		if err := w.send(canary, short); err == nil {
			t.Error("accepted")
		}
		for end := time.Now().Add(10 * time.Second); w.sink.Stats.Panics.Load() != 1; { // the library replies first
			if time.Now().After(end) {
				t.Fatal("the panic is not counted")
			}
			time.Sleep(time.Millisecond)
		}
	})
}

func TestHealthCheckIsNotAnError(t *testing.T) {
	w := start(t, nil)
	for range 3 {
		_, closeConn, _ := w.dial(t)
		closeConn()
	}
	if err := w.send(canary, short); err != nil {
		t.Fatal(err)
	}
	if w.log.Len() > 0 {
		t.Errorf("log %s, want nothing", &w.log)
	}
}

// TestServeEndsWhenTheContextEndsAtOnce: the daemon may stop before the library knows the listeners.
func TestServeEndsWhenTheContextEndsAtOnce(t *testing.T) {
	s := sink.New(sink.Options{Certificate: func() *tls.Certificate { return nil }, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
}
