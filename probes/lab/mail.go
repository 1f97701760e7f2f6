package lab

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"
)

// MailOptions describe a mail server built on go-smtp.
type MailOptions struct {
	Addr        string           // "127.0.0.1:0" when empty
	Certificate *tls.Certificate // nil: no STARTTLS
	Recipients  map[string]*smtp.SMTPError
}

// Mail is a running mail server.
type Mail struct {
	server   *smtp.Server
	listener net.Listener
	replies  map[string]*smtp.SMTPError

	mu       sync.Mutex
	messages []string // the newest maxMessages
}

const maxMessages = 100

// StartMail starts a mail server. Recipients that the map names are refused with that reply; all others are accepted.
func StartMail(o MailOptions) (*Mail, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", o.Addr) //nolint:noctx // loopback
	if err != nil {
		return nil, fmt.Errorf("lab: mail: %w", err)
	}
	m := &Mail{listener: listener, replies: o.Recipients}
	m.server = smtp.NewServer(m)
	m.server.Domain = "lab.example"
	m.server.ReadTimeout, m.server.WriteTimeout = 30*time.Second, 30*time.Second
	m.server.MaxMessageBytes, m.server.MaxRecipients, m.server.MaxLineLength = 1<<20, 100, 2000
	m.server.ErrorLog = log.New(io.Discard, "", 0)
	if o.Certificate != nil {
		m.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*o.Certificate}, MinVersion: tls.VersionTLS12}
	}
	go func() { _ = m.server.Serve(netutil.LimitListener(listener, 100)) }() // ends with Close
	return m, nil
}

// NewSession is called by go-smtp at each EHLO.
func (m *Mail) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{m}, nil }

// Port is the TCP port it listens on.
func (m *Mail) Port() int { return m.listener.Addr().(*net.TCPAddr).Port } //nolint:errcheck,forcetypeassert // it listens on TCP

// Messages are the newest messages it received.
func (m *Mail) Messages() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string{}, m.messages...)
}

// Close stops the server and its connections.
func (m *Mail) Close() { _ = m.server.Close() }

type session struct{ mail *Mail }

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if reply, refused := s.mail.replies[strings.ToLower(to)]; refused {
		return reply
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	body, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return err
	}
	s.mail.mu.Lock()
	defer s.mail.mu.Unlock()
	s.mail.messages = append(s.mail.messages, string(body))
	if len(s.mail.messages) > maxMessages {
		s.mail.messages = s.mail.messages[1:]
	}
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// Script is what a scripted server does: it says Greeting, then for each command the first reply whose verb fits. An empty
// greeting is a tarpit: it accepts and never speaks. A verb without reply gets 250.
type Script struct {
	Host     string // loopback address to listen on; 127.0.0.1 when empty
	Greeting string
	Replies  map[string]string // verb → reply, CRLF included
	Hangup   bool              // closes after the greeting
}

// Scripted is a running scripted server, for what a correct one would never do.
type Scripted struct {
	listener net.Listener
	script   Script

	mu    sync.Mutex
	conns map[net.Conn]bool
	ended sync.WaitGroup
}

// StartScripted starts it on loopback.
func StartScripted(s Script) (*Scripted, error) {
	if s.Host == "" {
		s.Host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", s.Host+":0") //nolint:noctx // loopback
	if err != nil {
		return nil, fmt.Errorf("lab: scripted: %w", err)
	}
	sc := &Scripted{listener: netutil.LimitListener(listener, 100), script: s, conns: map[net.Conn]bool{}}
	sc.ended.Go(sc.accept)
	return sc, nil
}

// Port is the TCP port it listens on.
func (s *Scripted) Port() int { return s.listener.Addr().(*net.TCPAddr).Port } //nolint:errcheck,forcetypeassert // it listens on TCP

// Close ends it and its connections.
func (s *Scripted) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
	s.mu.Unlock()
	s.ended.Wait()
}

func (s *Scripted) accept() {
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		s.mu.Lock()
		if s.conns == nil {
			_ = c.Close()
		} else {
			s.conns[c] = true
			s.ended.Go(func() { s.talk(c) })
		}
		s.mu.Unlock()
	}
}

func (s *Scripted) talk(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, s.script.Greeting)
	if s.script.Hangup {
		return
	}
	buffer := make([]byte, 4096)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		if s.script.Greeting == "" {
			continue
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(string(buffer[:n]))), " ")
		reply, known := s.script.Replies[verb]
		if !known {
			reply = "250 ok\r\n"
		}
		_, _ = io.WriteString(c, reply)
		if verb == "QUIT" {
			return
		}
	}
}
