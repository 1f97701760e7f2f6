// Package sink receives the messages of round trips and TLS reports. It is an SMTP server (RFC 5321) with STARTTLS
// (RFC 3207) that accepts mail for a few configured recipients only.
//
// It can be exposed to the Internet, as the MX of a sub-domain or behind a load balancer:
//
//   - A recipient that is not configured is refused. The sink never relays.
//   - Networks limits who may connect. Other clients get a 554 reply instead of a greeting.
//   - The number of connections, the connections and the messages per minute from one address, the size of a message,
//     and the bytes and the duration of a connection are bounded. A client that exceeds a bound gets a temporary error
//     (421, 450, 452), so that a legitimate server tries again later.
//   - A message is kept in memory until it has been processed, and is never stored.
//
// A connection that is closed before the first command, such as that of a load balancer's health check, is not an
// error.
package sink

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/probes"
)

// Bounds of a sink.
const (
	MaxMessageBytes = 10 << 20 // a TLS report may have megabytes
	smallMessage    = 64 << 10 // larger messages need a slot in memory; test messages are much smaller
	maxRecipients   = 10
	maxLineLength   = 4000
	commandTimeout  = time.Minute
	maxReplyText    = 100 // bytes of a text of the client that is logged
)

// Message is a message that was received. Its data is only valid until the handler returns.
type Message struct {
	From     string   // MAIL FROM, "" for notifications
	To       []string // the recipients, as configured
	Hello    string   // the argument of EHLO
	Peer     netip.Addr
	TLS      string // such as "TLS 1.3"; "" for clear text
	Received time.Time
	Data     []byte
}

// Options configure a Sink.
type Options struct {
	Hostname     string                  // named in the greeting
	Certificate  func() *tls.Certificate // for STARTTLS, which is not offered if it returns nil when Serve starts
	Networks     func() []netip.Prefix   // who may connect now; empty means everyone
	HasRecipient func(address string) bool
	Handle       func(context.Context, *Message) error // an error makes the client try again later
	Now          func() time.Time
	Log          *slog.Logger
	Limits       Limits
}

// Sink is the server. Its counts are safe for concurrent use.
type Sink struct {
	opts  Options
	gate  *gate
	Stats Stats
}

// New returns a Sink that does not listen yet.
func New(o Options) *Sink {
	s := &Sink{opts: o}
	s.gate = newGate(o.Limits.withDefaults(), o.Networks, o.Now, &s.Stats)
	return s
}

// Serve receives messages on the listeners until ctx ends. It closes them and the connections.
func (s *Sink) Serve(ctx context.Context, listeners ...net.Listener) error {
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return s.newSession(ctx, c), nil
	}))
	server.Domain = s.opts.Hostname
	server.MaxRecipients, server.MaxMessageBytes, server.MaxLineLength = maxRecipients, MaxMessageBytes, maxLineLength
	server.ReadTimeout, server.WriteTimeout = commandTimeout, commandTimeout
	server.ErrorLog = errorLog{s.opts.Log, &s.Stats}
	if s.opts.Certificate() != nil {
		server.TLSConfig = &tls.Config{
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.opts.Certificate(), nil },
			MinVersion:     tls.VersionTLS12,
		}
	}
	stop := context.AfterFunc(ctx, func() {
		_ = server.Close()
		for _, l := range listeners { // the server closes only those with which its Serve was called already
			_ = l.Close()
		}
	})
	defer stop()
	var group errgroup.Group
	for _, l := range listeners {
		group.Go(func() error {
			if err := server.Serve(s.gate.listener(l)); ctx.Err() == nil {
				return err
			}
			return nil
		})
	}
	return group.Wait()
}

// errorLog counts the errors that the library logs. It logs panics, but not errors of connections, which peers cause.
type errorLog struct {
	log   *slog.Logger
	stats *Stats
}

func (l errorLog) Printf(format string, v ...any) {
	if strings.HasPrefix(format, "panic") {
		l.stats.Panics.Add(1)
		l.log.Error("the sink failed at a message", slog.Any("error", v[1:min(len(v), 2)]))
		return
	}
	l.stats.ConnectionErrors.Add(1)
}

func (l errorLog) Println(...any) { l.stats.ConnectionErrors.Add(1) }

// session is one SMTP session.
type session struct {
	sink    *Sink
	ctx     context.Context //nolint:containedctx // the library passes none
	conn    *smtp.Conn
	peer    netip.Addr
	message Message
}

func (s *Sink) newSession(ctx context.Context, c *smtp.Conn) *session {
	return &session{sink: s, ctx: ctx, conn: c, peer: peerOf(c.Conn())}
}

// Mail begins a message.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.sink.gate.admitsMessage(s.peer) {
		s.sink.Stats.Throttled.Add(1)
		return &smtp.SMTPError{
			Code: 450, EnhancedCode: smtp.EnhancedCode{4, 7, 1},
			Message: "Too many messages from your address, try again later",
		}
	}
	s.message = Message{From: from}
	return nil
}

// Rcpt accepts a configured recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.sink.opts.HasRecipient(to) {
		s.sink.Stats.UnknownRecipients.Add(1)
		return &smtp.SMTPError{
			Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1},
			Message: "No such recipient; this server accepts test messages only",
		}
	}
	s.message.To = append(s.message.To, to)
	return nil
}

// Data reads the message and passes it to the handler.
func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, smallMessage))
	if err == nil && len(data) == smallMessage {
		release, ok := s.sink.gate.reserve()
		if !ok {
			s.sink.Stats.Throttled.Add(1)
			return &smtp.SMTPError{
				Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Too many messages at once, try again later",
			}
		}
		defer release()
		var rest []byte
		rest, err = io.ReadAll(r)
		data = append(data, rest...)
	}
	if err != nil {
		if errors.Is(err, smtp.ErrDataTooLarge) {
			s.sink.Stats.TooLarge.Add(1)
		}
		return err
	}
	s.message.Data, s.message.Received = data, s.sink.opts.Now()
	s.message.Peer, s.message.Hello = s.peer, probes.Sanitise(s.conn.Hostname(), maxReplyText)
	if state, ok := s.conn.TLSConnectionState(); ok {
		s.message.TLS = tls.VersionName(state.Version)
	}
	if s.sink.opts.Handle(s.ctx, &s.message) != nil {
		s.sink.Stats.Deferred.Add(1)
		return &smtp.SMTPError{
			Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "The message cannot be processed now, try again later",
		}
	}
	s.sink.Stats.Accepted.Add(1)
	return nil
}

// Reset forgets the message.
func (s *session) Reset() { s.message = Message{} }

// Logout forgets the message.
func (s *session) Logout() error {
	s.Reset()
	return nil
}

func peerOf(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
