package lab

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// patience is how long the plain client waits for anything; a tarpit costs so much.
const clientTimeout = 500 * time.Millisecond

// client is a plain SMTP client: textproto and crypto/tls, nothing of the exporter.
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

// reply reads one reply: "CODE first line|second line". An error is its text, and a timeout the word "timeout".
func (c *client) reply() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(clientTimeout * 10))
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

// silent reports that nothing at all arrives.
func (c *client) silent() bool {
	_ = c.conn.SetReadDeadline(time.Now().Add(clientTimeout))
	_, err := c.conn.Read(make([]byte, 1))
	timeout, ok := err.(net.Error) //nolint:errorlint // the connection's own error
	return ok && timeout.Timeout()
}

// expect says line by line and compares the beginnings of the replies; an empty line only reads.
func (c *client) expect(dialogue ...string) {
	c.t.Helper()
	for i := 0; i+1 < len(dialogue); i += 2 {
		var got string
		if dialogue[i] == "" {
			got = c.reply()
		} else {
			got = c.command(dialogue[i])
		}
		if !strings.HasPrefix(got, dialogue[i+1]) {
			c.t.Fatalf("%q is answered by %q, want %q", dialogue[i], got, dialogue[i+1])
		}
	}
}

// encrypt goes from the greeting through STARTTLS and EHLO again. It verifies nothing.
func (c *client) encrypt(config *tls.Config) tls.ConnectionState {
	c.t.Helper()
	c.expect("", "220 ", "EHLO client.example", "250 ", "STARTTLS", "220 ")
	config.InsecureSkipVerify = true
	secure := tls.Client(c.conn, config)
	_ = c.conn.SetDeadline(time.Now().Add(clientTimeout * 10))
	if err := secure.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.conn, c.text = secure, textproto.NewConn(secure)
	c.expect("EHLO client.example", "250 ")
	return secure.ConnectionState()
}

// verify says what is wrong with a chain at a time: "" or the reason why it is refused. It uses what was sent only.
func verify(roots *x509.CertPool, chain []*x509.Certificate, name string, now time.Time) string {
	sent := x509.NewCertPool()
	for _, c := range chain[1:] {
		sent.AddCert(c)
	}
	leaf := chain[0]
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: sent, CurrentTime: leaf.NotBefore.Add(time.Hour)})
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

// ask asks a name server once: the rcode, and the data of the answers.
func query(t *testing.T, network, server, name string, qtype uint16) (rcode string, data []string) {
	t.Helper()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	answer, _, err := (&dns.Client{Net: network, Timeout: clientTimeout}).Exchange(q, server)
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

func lines(t *testing.T, c net.Conn) []string {
	t.Helper()
	var all []string
	_ = c.SetReadDeadline(time.Now().Add(clientTimeout * 10))
	for scanner := bufio.NewScanner(c); scanner.Scan(); {
		all = append(all, scanner.Text())
	}
	return all
}
