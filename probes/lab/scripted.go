package lab

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// scriptedLife bounds one connection to a scripted server.
const scriptedLife = time.Minute

// Script is what a scripted server does: it says Greeting, then to each command the reply to its verb. An empty greeting is a
// tarpit: it accepts and never speaks. A verb without a reply gets 250, one whose reply is empty gets silence. It reads one command
// at a time: no pipelining. Without TLS it only answers STARTTLS, and what it says next is no handshake.
//
// Over TLS a verb is looked up as "TLS "+verb first, in every field.
type Script struct {
	Host               string // loopback address to listen on; 127.0.0.1 when empty
	Greeting           string
	Replies            map[string]string // verb → reply, CRLF included
	CloseAfterGreeting bool              // closes after the greeting
	CloseAt            string            // closes at this verb, without a reply
	PerByte            time.Duration     // waits so long after each byte it writes
	TLS                *tls.Config       // shakes hands after a 220 to STARTTLS
	HandlerAt          string            // at this verb, Handler has the connection to itself; it is closed afterwards
	Handler            func(net.Conn)    // with an empty HandlerAt instead of everything; it must end when the connection is closed
}

// Scripted is a running scripted server, for what a correct one would never do.
type Scripted struct {
	listener net.Listener
	script   Script
	done     chan struct{}
	close    sync.Once
	running  sync.WaitGroup
}

// StartScripted starts it on loopback, at a free port.
func StartScripted(s Script) (*Scripted, error) {
	if s.Host == "" {
		s.Host = "127.0.0.1"
	}
	listener, err := listen(net.JoinHostPort(s.Host, "0"))
	if err != nil {
		return nil, err
	}
	sc := &Scripted{listener: listener, script: s, done: make(chan struct{})}
	sc.running.Go(sc.accept)
	return sc, nil
}

// Port is the TCP port it listens on.
func (s *Scripted) Port() int { return port(s.listener) }

// Close ends it and its connections, and waits for them.
func (s *Scripted) Close() {
	s.close.Do(func() { close(s.done) })
	_ = s.listener.Close()
	s.running.Wait()
}

func (s *Scripted) accept() {
	for {
		c, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of file descriptors, perhaps: not in a hot loop
			s.pause(10 * time.Millisecond)
		default:
			s.running.Go(func() { s.serve(c) })
		}
	}
}

// pause waits, or until Close.
func (s *Scripted) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.done:
	}
}

func (s *Scripted) serve(c net.Conn) {
	defer func() { _ = c.Close() }() // the peer may be gone already
	_ = c.SetDeadline(time.Now().Add(scriptedLife))
	if s.script.Handler != nil && s.script.HandlerAt == "" {
		s.script.Handler(c)
		return
	}
	if s.write(c, s.script.Greeting) != nil || s.script.CloseAfterGreeting {
		return
	}
	buffer, over := make([]byte, 4096), ""
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		if s.script.Greeting == "" {
			continue
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(string(buffer[:n]))), " ")
		if !s.reply(c, over, verb) {
			return
		}
		if verb == "STARTTLS" && s.script.TLS != nil && strings.HasPrefix(s.script.Replies[verb], "220") {
			encrypted := tls.Server(c, s.script.TLS)
			if encrypted.Handshake() != nil { //nolint:noctx // the connection has a deadline
				return
			}
			c, over = encrypted, "TLS "
		}
	}
}

// reply answers one command and reports whether the connection goes on.
func (s *Scripted) reply(c net.Conn, over, verb string) bool {
	at := func(place string) bool { return place != "" && (place == over+verb || place == verb) }
	switch {
	case at(s.script.CloseAt):
		return false
	case at(s.script.HandlerAt):
		s.script.Handler(c)
		return false
	}
	reply, known := s.script.Replies[over+verb]
	if !known {
		reply, known = s.script.Replies[verb]
	}
	if !known {
		reply = "250 ok\r\n"
	}
	return s.write(c, reply) == nil && verb != "QUIT"
}

// write writes text, at the script's speed.
func (s *Scripted) write(c net.Conn, text string) error {
	if s.script.PerByte <= 0 {
		_, err := io.WriteString(c, text)
		return err
	}
	for i := range len(text) {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return err
		}
		s.pause(s.script.PerByte)
	}
	return nil
}
