//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHostileSendersToTheSink attacks the sink with what strangers can send, while a message of a round trip is sent:
// it arrives, nothing that was sent counts, no text of it reaches the log, and memory stays bounded.
func TestHostileSendersToTheSink(t *testing.T) {
	w := smallWorld(t)
	sink := freePort(t)
	exchange := w.startTripExchange(sink)
	file := w.tripConfig(exchange.Port(), sink, trips[:1])
	config := strings.Replace(read(t, file), "sink: { ", "sink: { tls_reports: [tlsrpt@probe.contoso.test], ", 1)
	writeFile(t, file, config, 0o600)
	d := w.serve(file)
	a := attackOnSink{t, fmt.Sprintf("127.0.0.1:%d", sink)}
	eventually(t, time.Minute, func() string { return unless(outcomes(d.metrics(), "good") == "delivered", "no message") })

	var group sync.WaitGroup
	for name, message := range hostileMessages() {
		group.Go(func() {
			if name == "no end" {
				a.sendWithoutEnd()
				return
			}
			for _, to := range []string{"good@probe.contoso.test", "tlsrpt@probe.contoso.test"} {
				a.send(name, to, message)
			}
		})
	}
	group.Go(func() { a.connectOften(d) })
	group.Go(func() {
		if code, output := w.command("validate", "--config.file="+file, "--round-trip=good"); code != 0 {
			t.Errorf("during the attack: exit status %d\n%s", code, output)
		}
	})
	group.Wait()

	m := d.metrics()
	if got := outcomes(m, "good"); got != "delivered delivered" {
		t.Errorf("outcomes %q, want two delivered messages", got)
	}
	if got, _ := m.value("exporter_sink_messages_total", "outcome", "failed"); got != 0 {
		t.Errorf("%v messages failed: a bug", got)
	}
	if len(m.find("tls_report_sessions_total")) > 0 {
		t.Error("a forged TLS report is counted")
	}
	const mostMemory = 250 << 20
	got := int(d.mostResident())
	t.Logf("%d MB resident at most", got>>20)
	if got > mostMemory {
		t.Errorf("%d MB resident at most, want %d", got>>20, mostMemory>>20)
	}
	if log := d.out.String(); strings.Contains(log, "hunter2") || strings.Contains(log, "panic") {
		t.Errorf("the log has text of a message, or a panic:\n%s", log)
	}
}

// hostileMessages are what strangers send. None has a valid token.
func hostileMessages() map[string]string {
	const forged = "rt0000000000000000000000000000000000000000000000000"
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 200<<20))
	_ = z.Close()
	var deep, wide strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&deep, "Content-Type: multipart/report; boundary=b%[1]d\r\n\r\n--b%[1]d\r\n", i)
	}
	wide.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n")
	wide.WriteString(strings.Repeat("--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n\r\n", 50_000))
	encoded := "Content-Type: text/plain; charset=utf-7\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	return map[string]string{
		"no end":       "",
		"forged token": "Subject: hunter2 " + forged + "\r\nX-M365-Connector-Round-Trip: " + forged + "\r\n\r\nhunter2\r\n",
		"forged header": "X-MS-Exchange-CrossTenant-Id: " + otherTenant + "\r\n" +
			"X-Forefront-Antispam-Report: CIP:192.0.2.1;SFV:SPM\r\n" +
			"Received: from a by b; now\r\n\r\nhunter2\r\n",
		"NULs":        "Subject: \x00\x00hunter2\r\n\x00\r\n\r\n\x00\r\n",
		"8-bit":       "Subject: " + strings.Repeat("\xff\xfe", 400) + "\r\n\r\n" + strings.Repeat("\x80\x9b\r\n", 100_000),
		"no header":   strings.Repeat("hunter2\r\n", 100_000),
		"long header": strings.Repeat("X-A: "+strings.Repeat("a", 900)+"\r\n", 5000) + "\r\n",
		"many hops":   strings.Repeat("Received: from a ((((((((((by b with c; d\r\n", 5000) + "\r\n",
		"deep parts":  deep.String(),
		"many parts":  wide.String(),
		"encoded words": "Subject: " + strings.Repeat("=?utf-8?B?"+forged+"?= ", 50) + "\r\n" + encoded +
			strings.Repeat("////", 200) + "\r\n",
		"gzip bomb": "From: a@b.example\r\nContent-Type: application/tlsrpt+gzip\r\n" +
			"Content-Transfer-Encoding: base64\r\n\r\n" +
			lines(base64.StdEncoding.EncodeToString(bomb.Bytes())),
		"forged report": "From: a@b.example\r\n" +
			"DKIM-Signature: v=1; a=rsa-sha256; d=b.example; s=x; h=From; bh=AA==; b=AA==\r\n" +
			"Content-Type: application/tlsrpt+json\r\n\r\n{}\r\n",
	}
}

// lines breaks a text into lines of 76 characters.
func lines(text string) string {
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	return b.String() + text + "\r\n"
}

// attackOnSink sends from loopback addresses other than that of Exchange Online.
type attackOnSink struct {
	t       *testing.T
	address string
}

// dial connects from a host of 127.1.0.0/16.
func (a attackOnSink) dial(host int) (net.Conn, error) {
	dialer := net.Dialer{
		LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(host>>8), byte(host))}, Timeout: 5 * time.Second,
	}
	return dialer.DialContext(a.t.Context(), "tcp", a.address)
}

// send sends a message. Whether it is accepted does not matter.
func (a attackOnSink) send(name, to, message string) {
	conn, err := a.dial(1 + len(name))
	if err != nil {
		a.t.Errorf("%s: %v", name, err)
		return
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	c, err := smtp.NewClient(conn, "sink")
	if err != nil {
		return // refused, because there are too many
	}
	if c.Mail("") != nil || c.Rcpt(to) != nil {
		return
	}
	if body, err := c.Data(); err == nil {
		_, _ = io.WriteString(body, message)
		_ = body.Close()
	}
}

// sendWithoutEnd sends a message until the sink ends the connection.
func (a attackOnSink) sendWithoutEnd() {
	conn, err := a.dial(900)
	if err != nil {
		a.t.Error(err)
		return
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(25 * time.Second))
	_, _ = io.WriteString(conn, "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<good@probe.contoso.test>\r\nDATA\r\n")
	block := bytes.Repeat([]byte(strings.Repeat("x", 998)+"\r\n"), 1000)
	const most = 300 << 20
	for sent := 0; sent < most; sent += len(block) {
		if _, err := conn.Write(block); err != nil {
			return
		}
	}
	a.t.Errorf("the sink took %d MB on one connection", most>>20)
}

// connectOften opens 10,000 connections from 1,000 addresses and holds the newest 500, until some were limited.
func (a attackOnSink) connectOften(d *daemon) {
	const all, held = 10_000, 500
	connections := make([]net.Conn, held)
	for i := range all {
		conn, err := a.dial(1000 + i%1000)
		if err != nil {
			a.t.Errorf("connection %d: %v, want one that the sink refuses with a reply", i, err)
			return
		}
		if old := connections[i%held]; old != nil {
			_ = old.Close()
		}
		connections[i%held] = conn
	}
	limited := 0.0
	for end := time.Now().Add(20 * time.Second); limited == 0 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
		limited, _ = d.metrics().value("exporter_sink_connections_total", "outcome", "limited")
	}
	if limited == 0 {
		a.t.Error("no connection was limited")
	}
	for _, conn := range connections {
		_ = conn.Close()
	}
}
