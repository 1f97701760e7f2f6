package lab

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func script(t *testing.T, s Script) *client {
	t.Helper()
	server, err := StartScripted(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return dial(t, "127.0.0.1", server.Port())
}

const greeting = "220 lab.example ESMTP\r\n"

func TestScripted(t *testing.T) {
	tests := map[string]struct {
		script   Script
		dialogue []string // command, reply, command, reply, …
	}{
		"no replies in the script": {
			Script{Greeting: greeting},
			[]string{"", "220 lab", "EHLO a", "250 ok", "QUIT", "250 ok", "", "error: EOF"},
		},
		"a reply": {
			Script{Greeting: greeting, Replies: map[string]string{"MAIL": "554 5.7.1 no\r\n"}},
			[]string{"", "220 ", "mail FROM:<>", "554 5.7.1 no"},
		},
		"421": {
			Script{Greeting: "421 4.3.2 busy\r\n", CloseAfterGreeting: true},
			[]string{"", "421 4.3.2 busy", "", "error: EOF"},
		},
		"closes at RCPT": {
			Script{Greeting: greeting, CloseAt: "RCPT"},
			[]string{"", "220 ", "MAIL FROM:<>", "250 ", "RCPT TO:<a@b.c>", "error: "},
		},
		"byte by byte": {
			Script{Greeting: "220 a\r\n", PerByte: time.Millisecond},
			[]string{"", "220 a", "NOOP", "250 ok"},
		},
		"injection": {
			Script{Greeting: greeting, Replies: map[string]string{"STARTTLS": "220 go\r\n250 injected\r\n"}},
			[]string{"", "220 ", "STARTTLS", "220 go", "", "250 injected"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { script(t, test.script).expect(test.dialogue...) })
	}
}

func TestScriptedTarpit(t *testing.T) {
	c := script(t, Script{})
	if !c.silent() {
		t.Error("a tarpit sent something")
	}
	if _, err := c.conn.Write([]byte("EHLO a\r\n")); err != nil || !c.silent() {
		t.Errorf("a tarpit sent something or closed the connection: %v", err)
	}
	later := script(t, Script{Greeting: greeting, Replies: map[string]string{"EHLO": ""}})
	later.expect("", "220 ")
	if _, err := later.conn.Write([]byte("EHLO a\r\n")); err != nil || !later.silent() {
		t.Errorf("a reply to EHLO, or the connection was closed: %v", err)
	}
}

func TestScriptedNoHandshake(t *testing.T) {
	c := script(t, Script{Greeting: greeting, Replies: map[string]string{"STARTTLS": "220 go\r\n"}})
	c.expect("", "220 ", "STARTTLS", "220 go")
	_ = c.conn.SetDeadline(time.Now().Add(5 * time.Second))
	err := tls.Client(c.conn, &tls.Config{ServerName: "a"}).Handshake()
	if err == nil || !strings.Contains(err.Error(), "does not look like a TLS handshake") {
		t.Errorf("handshake: %v", err)
	}
}

// TestScriptedTLS checks that over TLS the replies for TLS come first.
func TestScriptedTLS(t *testing.T) {
	certificates := []tls.Certificate{*certificate(t)}
	c := script(t, Script{
		Greeting: greeting,
		TLS:      &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12},
		CloseAt:  "TLS VRFY",
		Replies:  map[string]string{"EHLO": "250 clear\r\n", "TLS EHLO": "250 secret\r\n", "STARTTLS": "220 go\r\n"},
	})
	c.encrypt(&tls.Config{MinVersion: tls.VersionTLS12})
	c.expect("EHLO a", "250 secret", "VRFY a", "error: EOF")
}

// TestScriptedHandler lets a handler take over the connection, at once or at a verb.
func TestScriptedHandler(t *testing.T) {
	bye := func(c net.Conn) { _, _ = c.Write([]byte("421 mine\r\n")) }
	script(t, Script{Handler: bye}).expect("", "421 mine", "", "error: EOF")
	script(t, Script{Greeting: greeting, HandlerAt: "MAIL", Handler: bye}).expect(
		"", "220 ", "EHLO a", "250 ", "MAIL FROM:<>", "421 mine", "", "error: EOF")
}

func TestScriptedHTTP(t *testing.T) {
	c := script(t, Script{Greeting: "HTTP/1.1 400 Bad Request\r\n\r\n", CloseAfterGreeting: true})
	if diff := cmp.Diff([]string{"HTTP/1.1 400 Bad Request", ""}, lines(t, c.conn)); diff != "" {
		t.Error(diff)
	}
}

// TestScriptedCloseIsQuick closes a server that is writing very slowly.
func TestScriptedCloseIsQuick(t *testing.T) {
	defer goleak.VerifyNone(t)
	s, err := StartScripted(Script{Greeting: greeting, PerByte: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, "127.0.0.1", s.Port())
	if _, err := c.conn.Read(make([]byte, 1)); err != nil { // now it waits an hour for the second byte
		t.Fatal(err)
	}
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
}
