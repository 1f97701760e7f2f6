//go:build linux

package daemon

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// pemOf returns the chain and the key of a certificate.
func pemOf(t *testing.T, c tls.Certificate) (text []byte) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, der := range c.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
}

// networkDelay is the time between a mail server and the prober, there and back.
const networkDelay = 20 * time.Millisecond

// TestPeersOfSink is the process with the mail servers and the senders of TestSinkBesideProbes. It writes its port, and
// answers each line "ADDRESS RATE MILLISECONDS" when so many messages were sent to the address.
func TestPeersOfSink(t *testing.T) {
	if os.Getenv(peersVariable) == "" {
		t.Skip("a part of TestSinkBesideProbes")
	}
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue(lab.Leaf{Names: []string{"*.test"}})
	if err != nil {
		t.Fatal(err)
	}
	server, err := lab.StartMail(lab.MailOptions{Certificate: &certificate})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	distant, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = distant.Close() }()
	go relay(distant, fmt.Sprintf("127.0.0.1:%d", server.Port()))
	_, port, _ := net.SplitHostPort(distant.Addr().String())
	fmt.Println("port", port)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var sink string
		var rate, milliseconds int
		if _, err := fmt.Sscanf(lines.Text(), "%s %d %d", &sink, &rate, &milliseconds); err != nil {
			t.Fatal(err)
		}
		accepted, refused := sendMany(sink, rate, time.Duration(milliseconds)*time.Millisecond)
		fmt.Printf("%d messages accepted, %d not\n", accepted, refused)
	}
	os.Exit(0) // without the words of the test
}

// relay passes connections on. What a server writes arrives after networkDelay.
func relay(l net.Listener, to string) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = near.Close() }()
			far, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(far, near)
				_ = far.Close()
			}()
			for buffer := make([]byte, 16<<10); ; {
				n, err := far.Read(buffer)
				time.Sleep(networkDelay)
				if _, failed := near.Write(buffer[:n]); failed != nil || err != nil {
					return
				}
			}
		}()
	}
}

// sendMany sends messages at a rate, from as many addresses as the limit of each needs.
func sendMany(sink string, rate int, during time.Duration) (accepted, refused int64) {
	var done sync.WaitGroup
	var good, bad atomic.Int64
	begun := time.Now()
	for n := range int(during.Seconds() * float64(rate)) {
		time.Sleep(time.Until(begun.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		done.Go(func() {
			if err := sendOne(sink, byte(1+n%100)); err != nil {
				if bad.Add(1) <= 3 {
					fmt.Fprintln(os.Stderr, "a message is not accepted:", err)
				}
				return
			}
			good.Add(1)
		})
	}
	done.Wait()
	return good.Load(), bad.Load()
}

// strangeMessage has a forged token and the header of a message that passed a few servers.
var strangeMessage = strings.Repeat("Received: from a.example (192.0.2.1) by b.example with Microsoft SMTP Server "+
	"(version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.1;\r\n Tue, 10 Feb 2026 10:03:59 +0000\r\n",
	8) + "Message-ID: <m365ce." + strings.Repeat("ab12", 20) + "@example.net>\r\nSubject: [m365ce " +
	strings.Repeat("ab12", 20) + "]\r\n\r\n" + strings.Repeat("The quick brown fox jumps over the lazy dog.\r\n", 100)

func sendOne(sink string, host byte) error {
	dialer := net.Dialer{Timeout: 30 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, host)}}
	connection, err := dialer.Dial("tcp", sink)
	if err != nil {
		return err
	}
	_ = connection.SetDeadline(time.Now().Add(30 * time.Second))
	c, err := smtp.NewClient(connection, "sink.test")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	steps := []func() error{
		func() error { return c.Hello("sender.test") },
		func() error { return c.StartTLS(&tls.Config{InsecureSkipVerify: true}) },
		func() error { return c.Mail("stranger@example.net") },
		func() error { return c.Rcpt("canary@contoso.test") },
		func() error {
			w, err := c.Data()
			if err != nil {
				return err
			}
			if _, err = io.WriteString(w, strangeMessage); err != nil {
				return err
			}
			return w.Close()
		},
		c.Quit,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
