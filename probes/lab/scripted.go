package lab

import (
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
// tarpit: it accepts and never speaks. A verb without a reply gets 250. It reads one command at a time: no pipelining. To
// STARTTLS it only answers; what it says next is no handshake.
type Script struct {
	Host     string // loopback address to listen on; 127.0.0.1 when empty
	Greeting string
	Replies  map[string]string // verb → reply, CRLF included
	Hangup   bool              // closes after the greeting
	HangupAt string            // closes at this verb, without a reply
	PerByte  time.Duration     // waits so long after each byte it writes
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
			s.running.Go(func() { s.talk(c) })
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

func (s *Scripted) talk(c net.Conn) {
	defer func() { _ = c.Close() }() // the peer may be gone already
	_ = c.SetDeadline(time.Now().Add(scriptedLife))
	if s.say(c, s.script.Greeting) != nil || s.script.Hangup {
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
		if verb == s.script.HangupAt && verb != "" {
			return
		}
		reply, known := s.script.Replies[verb]
		if !known {
			reply = "250 ok\r\n"
		}
		if s.say(c, reply) != nil || verb == "QUIT" {
			return
		}
	}
}

// say writes text, at the script's speed.
func (s *Scripted) say(c net.Conn, text string) error {
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
