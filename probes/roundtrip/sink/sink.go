// Package sink receives the messages of round trips: an SMTP server (RFC 5321) with STARTTLS (RFC 3207) that accepts
// mail for a few configured recipients only.
//
// It is written to stand on the Internet, as the MX of a sub-domain or behind a load balancer:
//
//   - A recipient that is not configured is refused; it can never relay.
//   - Networks limits who may connect. Others get a 554 reply instead of a greeting.
//   - Connections, connections from one address, messages a minute from one address, the size of a message, the bytes
//     and the time of a connection are bounded. Whoever exceeds a bound gets a temporary error (421, 450, 452), so that
//     an honest server tries again later.
//   - A message lives in memory until it was judged. Nothing of it is written anywhere.
//
// A connection that ends before it says anything, as the health check of a load balancer does, is no error.
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
	smallMessage    = 64 << 10 // test messages are much smaller: they pass while others hold the places of large ones
	maxRecipients   = 10
	maxLineLength   = 4000
	commandTimeout  = time.Minute
	maxReplyText    = 100 // bytes of what is quoted in a log line
)

// Message is a message that was received. Its data is only valid until the handler returns.
type Message struct {
	From     string   // reverse path, empty for notifications
	To       []string // the recipients, as configured
	Hello    string   // the argument of EHLO
	Peer     netip.Addr
	TLS      string // "TLS 1.3", empty for clear text
	Received time.Time
	Data     []byte
}

// Options configure a Sink.
type Options struct {
	Hostname     string                  // named in the greeting
	Certificate  func() *tls.Certificate // for STARTTLS; if it returns nil when Serve begins, that is not offered
	Networks     func() []netip.Prefix   // who may connect now; empty means everybody
	HasRecipient func(address string) bool
	Handle       func(context.Context, *Message) error // after an error the peer is to try again later
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
		for _, l := range listeners { // the server does not know those yet that its Serve has not begun with
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

// errorLog counts what the library reports. Errors of connections are the peers' and not logged; a panic is.
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

// Data reads the message and hands it on.
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
