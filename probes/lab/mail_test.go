package lab

import (
	"crypto/tls"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// certificate issues a certificate for a.example.
func certificate(t *testing.T) *tls.Certificate {
	t.Helper()
	now := time.Now()
	ca, err := NewCA(now)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(Leaf{Names: []string{"a.example"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return &cert
}

func startMail(t *testing.T, o MailOptions) *Mail {
	t.Helper()
	m, err := StartMail(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestMail(t *testing.T) {
	m := startMail(t, MailOptions{Certificate: certificate(t), Recipients: map[string]*smtp.SMTPError{
		"gone@a.example": {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "User unknown"},
	}})
	c := dial(t, "127.0.0.1", m.Port())
	if got := c.encrypt(&tls.Config{}).Version; got != tls.VersionTLS13 {
		t.Errorf("version %x, want TLS 1.3", got)
	}
	c.expect("MAIL FROM:<>", "250 ", "RCPT TO:<Gone@a.example>", "550 5.1.1 User unknown",
		"RCPT TO:<b@a.example>", "250 ", "DATA", "354 ", "Subject: hello\r\n\r\nbody\r\n.", "250 ", "QUIT", "221 ")
	if diff := cmp.Diff([]string{"Subject: hello\r\n\r\nbody\r\n"}, m.Messages()); diff != "" {
		t.Error(diff)
	}
	if states := m.TLSStates(); len(states) != 1 || states[0].Version != tls.VersionTLS13 {
		t.Errorf("%d TLS sessions recorded, want 1 of TLS 1.3", len(states))
	}
}

func TestMailOptions(t *testing.T) {
	cert := certificate(t)
	t.Run("no STARTTLS", func(t *testing.T) {
		c := dial(t, "127.0.0.1", startMail(t, MailOptions{}).Port())
		c.expect("", "220 ")
		if got := c.command("EHLO client.example"); strings.Contains(got, "STARTTLS") {
			t.Errorf("offers %s", got)
		}
	})
	t.Run("TLS 1.1 only", func(t *testing.T) {
		c := dial(t, "127.0.0.1", startMail(t, MailOptions{Certificate: cert, MaxTLSVersion: tls.VersionTLS11}).Port())
		if got := c.encrypt(&tls.Config{MinVersion: tls.VersionTLS10}).Version; got != tls.VersionTLS11 {
			t.Errorf("version %x, want TLS 1.1", got)
		}
	})
	t.Run("client certificate", func(t *testing.T) {
		m := startMail(t, MailOptions{Certificate: cert, ClientAuth: tls.RequireAnyClientCert})
		dial(t, "127.0.0.1", m.Port()).encrypt(&tls.Config{Certificates: []tls.Certificate{*cert}})
		if got := m.TLSStates()[0].PeerCertificates[0].DNSNames[0]; got != "a.example" {
			t.Errorf("the client's certificate is %s", got)
		}
	})
}

func TestMailKeepsTheNewestMessages(t *testing.T) {
	m := startMail(t, MailOptions{})
	c := dial(t, "127.0.0.1", m.Port())
	c.expect("", "220 ", "EHLO client.example", "250 ")
	for i := range maxKept + 2 {
		c.expect("MAIL FROM:<>", "250 ", "RCPT TO:<b@a.example>", "250 ",
			"DATA", "354 ", strconv.Itoa(i)+"\r\n.", "250 ")
	}
	got := m.Messages()
	if len(got) != maxKept || got[0] != "2\r\n" || got[maxKept-1] != "101\r\n" {
		t.Errorf("%d messages from %q to %q, want 100 from 2 to 101", len(got), got[0], got[len(got)-1])
	}
}

// TestCloseLeavesNothingRunning closes servers that have just started, and one with clients in every state.
func TestCloseLeavesNothingRunning(t *testing.T) {
	defer goleak.VerifyNone(t)
	cert := certificate(t)
	for range 20 {
		m, err := StartMail(MailOptions{Certificate: cert})
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		m.Close()
		s, err := StartScripted(Script{})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		s.Close()
	}
	m, err := StartMail(MailOptions{Certificate: cert})
	if err != nil {
		t.Fatal(err)
	}
	dial(t, "127.0.0.1", m.Port()) // sends nothing
	dial(t, "127.0.0.1", m.Port()).encrypt(&tls.Config{})
	c := dial(t, "127.0.0.1", m.Port())
	c.expect("", "220 ", "EHLO client.example", "250 ", "STARTTLS", "220 ") // without a handshake
	began := time.Now()
	m.Close()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
}
