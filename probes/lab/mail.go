package lab

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// MailOptions describe a [Mail].
type MailOptions struct {
	Addr          string                     // "127.0.0.1:0" when empty
	Certificate   *tls.Certificate           // nil: no STARTTLS
	MaxTLSVersion uint16                     // 0 is the newest; if below TLS 1.2, TLS 1.0 and 1.1 are accepted
	ClientAuth    tls.ClientAuthType         // whether it requests a client certificate
	Recipients    map[string]*smtp.SMTPError // recipients to refuse, in lower case, with their replies
}

// Mail is a mail server that accepts all mail, apart from the recipients of its options.
type Mail struct {
	server   *smtp.Server
	listener net.Listener
	replies  map[string]*smtp.SMTPError
	serving  sync.WaitGroup

	mu       sync.Mutex
	messages []string              // the newest maxKept
	states   []tls.ConnectionState // the newest maxKept
}

// maxKept is how many messages, TLS sessions and decisions a server keeps.
const maxKept = 100

// StartMail starts a mail server.
func StartMail(o MailOptions) (*Mail, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	listener, err := listen(o.Addr)
	if err != nil {
		return nil, err
	}
	m := &Mail{listener: listener, replies: o.Recipients}
	m.server = smtp.NewServer(m)
	m.server.Domain = "lab.example"
	m.server.ReadTimeout, m.server.WriteTimeout = 30*time.Second, 30*time.Second
	m.server.MaxMessageBytes, m.server.MaxRecipients, m.server.MaxLineLength = 1<<20, 100, 2000
	m.server.ErrorLog = log.New(io.Discard, "", 0)
	m.server.TLSConfig = o.tls()
	m.serving.Go(func() { _ = m.server.Serve(listener) }) // ends with Close
	return m, nil
}

func (o MailOptions) tls() *tls.Config {
	if o.Certificate == nil {
		return nil
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{*o.Certificate},
		MinVersion:   tls.VersionTLS12,
		MaxVersion:   o.MaxTLSVersion,
		ClientAuth:   o.ClientAuth,
	}
	if o.MaxTLSVersion != 0 && o.MaxTLSVersion < tls.VersionTLS12 {
		c.MinVersion = tls.VersionTLS10
	}
	return c
}

// NewSession implements [smtp.Backend]. It is called at each EHLO, so again after STARTTLS.
func (m *Mail) NewSession(c *smtp.Conn) (smtp.Session, error) {
	if state, encrypted := c.TLSConnectionState(); encrypted {
		m.mu.Lock()
		m.states = appendBounded(m.states, state)
		m.mu.Unlock()
	}
	return &mailSession{m}, nil
}

// appendBounded appends an item and drops the oldest if there are more than maxKept.
func appendBounded[T any](list []T, item T) []T {
	if list = append(list, item); len(list) > maxKept {
		list = append([]T{}, list[1:]...) // a copy, so that the oldest is freed
	}
	return list
}

// Port returns the TCP port that it listens on.
func (m *Mail) Port() int { return port(m.listener) }

// Messages returns the newest messages that it received, at most 100.
func (m *Mail) Messages() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string{}, m.messages...)
}

// TLSStates returns the newest TLS sessions with an EHLO, at most 100.
func (m *Mail) TLSStates() []tls.ConnectionState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]tls.ConnectionState{}, m.states...)
}

// Close stops the server and its connections, and waits for them.
func (m *Mail) Close() {
	_ = m.listener.Close()
	m.serving.Wait() // from now on no session can begin
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = m.server.Shutdown(ctx)
}

// mailSession implements [smtp.Session].
type mailSession struct{ mail *Mail }

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if reply, refused := s.mail.replies[strings.ToLower(to)]; refused {
		return reply
	}
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	body, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return err
	}
	s.mail.mu.Lock()
	defer s.mail.mu.Unlock()
	s.mail.messages = appendBounded(s.mail.messages, string(body))
	return nil
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }
