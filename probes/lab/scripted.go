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

// scriptedLife is how long a connection to a scripted server may last.
const scriptedLife = time.Minute

// Script is what a [Scripted] server does. It sends Greeting, then for each command the reply to its verb. With an
// empty greeting it is a tarpit, which accepts connections and never sends anything. A verb without a reply gets 250,
// one with an empty reply gets none. Commands are read one at a time, without pipelining. Without TLS, the reply to
// STARTTLS is not followed by a handshake.
//
// Over TLS, every field is searched for "TLS "+verb before verb.
type Script struct {
	Host               string // loopback address to listen on; 127.0.0.1 when empty
	Greeting           string
	Replies            map[string]string // verb → reply, CRLF included
	CloseAfterGreeting bool              // close after the greeting
	CloseAt            string            // close at this verb, without a reply
	PerByte            time.Duration     // pause after each byte that is written
	TLS                *tls.Config       // do a handshake after a reply 220 to STARTTLS
	HandlerAt          string            // at this verb Handler takes over the connection, which is closed afterwards
	Handler            func(net.Conn)    // at once if HandlerAt is ""; must return when the connection is closed
}

// Scripted is a server that follows a script, for what a correct server would never do.
type Scripted struct {
	listener net.Listener
	script   Script
	done     chan struct{}
	close    sync.Once
	running  sync.WaitGroup
}

// StartScripted starts a scripted server on loopback, at a free port.
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

// Port returns the TCP port that it listens on.
func (s *Scripted) Port() int { return port(s.listener) }

// Close stops the server and its connections, and waits for them.
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
		case err != nil: // maybe out of file descriptors: no busy loop
			s.pause(10 * time.Millisecond)
		default:
			s.running.Go(func() { s.serve(c) })
		}
	}
}

// pause waits for a duration, or until Close.
func (s *Scripted) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.done:
	}
}

func (s *Scripted) serve(c net.Conn) {
	defer func() { _ = c.Close() }() // the peer may have closed it
	_ = c.SetDeadline(time.Now().Add(scriptedLife))
	if s.script.Handler != nil && s.script.HandlerAt == "" {
		s.script.Handler(c)
		return
	}
	if s.write(c, s.script.Greeting) != nil || s.script.CloseAfterGreeting {
		return
	}
	buffer, prefix := make([]byte, 4096), ""
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		if s.script.Greeting == "" {
			continue
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(string(buffer[:n]))), " ")
		if !s.reply(c, prefix, verb) {
			return
		}
		if verb == "STARTTLS" && s.script.TLS != nil && strings.HasPrefix(s.script.Replies[verb], "220") {
			encrypted := tls.Server(c, s.script.TLS)
			if encrypted.Handshake() != nil { //nolint:noctx // the connection has a deadline
				return
			}
			c, prefix = encrypted, "TLS "
		}
	}
}

// reply replies to one command and reports whether the connection stays open.
func (s *Scripted) reply(c net.Conn, prefix, verb string) bool {
	at := func(place string) bool { return place != "" && (place == prefix+verb || place == verb) }
	switch {
	case at(s.script.CloseAt):
		return false
	case at(s.script.HandlerAt):
		s.script.Handler(c)
		return false
	}
	reply, known := s.script.Replies[prefix+verb]
	if !known {
		reply, known = s.script.Replies[verb]
	}
	if !known {
		reply = "250 ok\r\n"
	}
	return s.write(c, reply) == nil && verb != "QUIT"
}

// write writes text at the script's speed.
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
