package lab

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// How long the plain client waits.
const (
	clientTimeout = 5 * time.Second        // for what must come
	silence       = 100 * time.Millisecond // for what must not come
)

// client is a plain SMTP client, which shares nothing with the exporter's.
type client struct {
	t    *testing.T
	conn net.Conn
	text *textproto.Conn
}

func dial(t *testing.T, host string, port int) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t: t, conn: conn, text: textproto.NewConn(conn)}
}

// reply reads one reply and returns "CODE first line|second line" or "error: " with the error.
func (c *client) reply() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(clientTimeout))
	code, text, err := c.text.ReadResponse(0)
	if err != nil {
		return "error: " + err.Error()
	}
	return strconv.Itoa(code) + " " + strings.ReplaceAll(text, "\n", "|")
}

func (c *client) command(line string) string {
	c.t.Helper()
	if err := c.text.PrintfLine("%s", line); err != nil {
		return "error: " + err.Error()
	}
	return c.reply()
}

// silent reports whether nothing arrives.
func (c *client) silent() bool {
	_ = c.conn.SetReadDeadline(time.Now().Add(silence))
	_, err := c.conn.Read(make([]byte, 1))
	timeout, ok := err.(net.Error) //nolint:errorlint // the connection's own error
	return ok && timeout.Timeout()
}

// expect sends each command and compares the beginning of its reply. An empty command only reads a reply.
func (c *client) expect(commandsAndReplies ...string) {
	c.t.Helper()
	for pair := range slices.Chunk(commandsAndReplies, 2) {
		command, want := pair[0], pair[1]
		var got string
		if command == "" {
			got = c.reply()
		} else {
			got = c.command(command)
		}
		if !strings.HasPrefix(got, want) {
			c.t.Fatalf("reply to %q: %q, want %q", command, got, want)
		}
	}
}

// encrypt reads the greeting, starts TLS and sends EHLO again. It does not verify the certificate.
func (c *client) encrypt(config *tls.Config) tls.ConnectionState {
	c.t.Helper()
	c.expect("", "220 ", "EHLO client.example", "250 ", "STARTTLS", "220 ")
	config.InsecureSkipVerify = true
	secure := tls.Client(c.conn, config)
	_ = c.conn.SetDeadline(time.Now().Add(clientTimeout))
	if err := secure.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.conn, c.text = secure, textproto.NewConn(secure)
	c.expect("EHLO client.example", "250 ")
	return secure.ConnectionState()
}

// verify returns the reason why a chain is refused at a time, "" if it is not. It uses only what was sent.
func verify(roots *x509.CertPool, chain []*x509.Certificate, name string, now time.Time) string {
	sent := x509.NewCertPool()
	for _, c := range chain[1:] {
		sent.AddCert(c)
	}
	leaf := chain[0]
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: sent, CurrentTime: leaf.NotBefore.Add(time.Hour),
	})
	switch {
	case now.After(leaf.NotAfter):
		return "certificate_expired"
	case now.Before(leaf.NotBefore):
		return "certificate_not_yet_valid"
	case err != nil && leaf.Issuer.CommonName == leaf.Subject.CommonName:
		return "certificate_untrusted"
	case err != nil:
		return "certificate_chain_incomplete"
	case leaf.VerifyHostname(name) != nil:
		return "certificate_name_mismatch"
	}
	return ""
}

// query sends one query to a name server and returns the response code, or "timeout", and the data of the answers.
func query(t *testing.T, network, server, name string, qtype uint16) (rcode string, data []string) {
	t.Helper()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	timeout := clientTimeout
	if strings.HasPrefix(name, "timeout-") {
		timeout = silence
	}
	answer, _, err := (&dns.Client{Net: network, Timeout: timeout}).Exchange(q, server)
	if err != nil {
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // the connection's own error
			return "timeout", nil
		}
		t.Fatal(err)
	}
	for _, rr := range answer.Answer {
		data = append(data, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return dns.RcodeToString[answer.Rcode], data
}

// lines reads to the end of a connection.
func lines(t *testing.T, c net.Conn) []string {
	t.Helper()
	var all []string
	_ = c.SetReadDeadline(time.Now().Add(clientTimeout))
	for scanner := bufio.NewScanner(c); scanner.Scan(); {
		all = append(all, scanner.Text())
	}
	return all
}
