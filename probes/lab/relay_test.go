package lab

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

const (
	contosoID  = "75e027c9-0000-4000-8000-00000000000a"
	fabrikamID = "75e027c9-0000-4000-8000-00000000000b"
)

// relayWorld is a relay with two tenants, the server that receives what leaves it, and the sender's own server.
type relayWorld struct {
	t        *testing.T
	exchange *FakeExchangeOnline
	sink     *Mail // behind the outbound connector of contoso
	home     *Mail // of the sender, for what is returned
	issue    func(name string) tls.Certificate
}

func startRelay(t *testing.T, change func(*RelayOptions)) *relayWorld {
	t.Helper()
	ca, err := NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w := &relayWorld{t: t, issue: func(name string) tls.Certificate {
		l := Leaf{Names: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
		c, err := ca.Issue(l)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}}
	sinkCertificate := w.issue("sink.contoso.example")
	refused := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "User unknown"}
	grey := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted"}
	w.sink = w.mail(MailOptions{Certificate: &sinkCertificate, Recipients: map[string]*smtp.SMTPError{
		"gone@probe.contoso.example": refused, "grey@probe.contoso.example": grey,
	}})
	w.home = w.mail(MailOptions{}) // without STARTTLS
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.RootPEM())
	client := w.issue("mail.protection.lab.example")
	options := RelayOptions{
		Hosts: map[string]string{
			"sender.example": fmt.Sprintf("127.0.0.1:%d", w.home.Port()), "dead.example": "127.0.0.1:1",
			"mx.example": fmt.Sprintf("127.0.0.1:%d", w.sink.Port()),
		},
		Certificate: &client, Retry: time.Millisecond, Expire: 20 * time.Millisecond,
		Now: func() time.Time { return time.Date(2026, 2, 10, 10, 3, 59, 0, time.UTC) },
	}
	if change != nil {
		change(&options)
	}
	w.exchange, err = StartFakeExchangeOnline(FakeExchangeOnlineOptions{
		Certificate: client, ClientRoots: roots, Relay: &options,
		Tenants: []FakeTenant{
			{
				Name: "contoso", ID: contosoID, Domains: []string{"contoso.example", "probe.contoso.example"},
				Connectors: []FakeConnector{{Name: "Hybrid", Certificate: "*.contoso.example"}},
				Outbound: []FakeOutbound{
					{Name: "Partner", Domains: []string{"*.partner.example"}, SmartHost: options.Hosts["dead.example"]},
					{
						Name: "To sink", Domains: []string{"probe.contoso.example"},
						SmartHost: fmt.Sprintf("127.0.0.1:%d", w.sink.Port()),
					},
				},
				Mailboxes: []string{"user@contoso.example"},
			},
			{Name: "fabrikam", ID: fabrikamID, Domains: []string{"fabrikam.example"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.exchange.Close)
	return w
}

func (w *relayWorld) mail(o MailOptions) *Mail {
	m, err := StartMail(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(m.Close)
	return m
}

// send hands a message to the relay with a client certificate.
func (w *relayWorld) send(to, message string) {
	w.t.Helper()
	client := dial(w.t, "127.0.0.1", w.exchange.Port())
	client.encrypt(&tls.Config{Certificates: []tls.Certificate{w.issue("mail.contoso.example")}})
	client.expect("MAIL FROM:<a@sender.example>", "250", "RCPT TO:<"+to+">", "250", "DATA", "354", message+"\r\n.", "250")
}

const message = "From: a@sender.example\r\nSubject: canary 1\r\nMessage-ID: <1@sender.example>\r\n\r\nbody"

// deliveries waits until the relay has finished with n messages.
func (w *relayWorld) deliveries(n int) []Delivery {
	w.t.Helper()
	for begin := time.Now(); time.Since(begin) < clientTimeout; time.Sleep(time.Millisecond) {
		if all := w.exchange.Deliveries(); len(all) >= n {
			return all
		}
	}
	w.t.Fatalf("%d deliveries, want %d", len(w.exchange.Deliveries()), n)
	return nil
}

func parse(t *testing.T, message string) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(message))
	if err != nil {
		t.Fatalf("%v in %s", err, message)
	}
	return m
}

// stamped returns the header fields that describe where a message came from.
func stamped(t *testing.T, message string) map[string]string {
	t.Helper()
	m := parse(t, message)
	got := map[string]string{}
	for name, key := range map[string]string{
		"tenant": "X-MS-Exchange-CrossTenant-Id", "origin": "X-MS-Exchange-CrossTenant-FromEntityHeader",
		"as": "X-MS-Exchange-CrossTenant-AuthAs", "inside": "X-EOPTenantAttributedMessage",
		"connecting": "X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp", "org": "X-OriginatorOrg",
	} {
		if value := m.Header.Get(key); value != "" {
			got[name] = value
		}
	}
	return got
}

func TestRelayStampsWhereMessagesCameFrom(t *testing.T) {
	const connecting = "TenantId=" + contosoID + ";Ip=[127.0.0.1];Helo=[client.example]"
	for name, c := range map[string]struct {
		to        string
		mailbox   bool // sent from a mailbox
		lower     bool
		connector string
		want      map[string]string
	}{
		"hairpin through both connectors": {
			to: "canary@probe.contoso.example", connector: "To sink",
			want: map[string]string{"origin": "HybridOnPrem", "as": "Anonymous", "connecting": connecting},
		},
		"relayed to the outside": {
			to: "who@mx.example", want: map[string]string{"origin": "HybridOnPrem", "as": "Anonymous", "connecting": connecting},
		},
		"to a mailbox": {
			to: "user@contoso.example", want: map[string]string{
				"origin": "HybridOnPrem", "as": "Anonymous", "connecting": connecting, "inside": contosoID + ":0",
			},
		},
		"from a mailbox": {
			to: "canary@probe.contoso.example", mailbox: true, connector: "To sink",
			want: map[string]string{"origin": "Hosted", "as": "Internal"},
		},
		"in lower case": {
			to: "canary@probe.contoso.example", lower: true, connector: "To sink",
			want: map[string]string{
				"origin": "HybridOnPrem", "as": "Anonymous", "connecting": strings.ReplaceAll(connecting, ";", "; "),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := startRelay(t, func(o *RelayOptions) { o.LowerCase = c.lower })
			if c.mailbox {
				if err := w.exchange.SendFromMailbox("contoso", "user@contoso.example", c.to, []byte(message)); err != nil {
					t.Fatal(err)
				}
			} else {
				w.send(c.to, message)
			}
			d := w.deliveries(1)[0]
			if d.Err != nil || d.Connector != c.connector {
				t.Fatalf("%+v", d)
			}
			c.want["tenant"], c.want["org"] = contosoID, "contoso.example"
			if diff := cmp.Diff(c.want, stamped(t, d.Message)); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(d.Message, "X-MS-") == c.lower {
				t.Errorf("case of names: %s", d.Message)
			}
			if d.Host != "" && strings.TrimSpace(w.sink.Messages()[0]) != strings.TrimSpace(d.Message) {
				t.Errorf("the server received %q, want %q", w.sink.Messages()[0], d.Message)
			}
		})
	}
}

func TestRelayHopsHaveTheirOwnClocks(t *testing.T) {
	w := startRelay(t, func(o *RelayOptions) { o.Skew = [2]time.Duration{0, -4 * time.Second} })
	w.send("canary@probe.contoso.example", message)
	hops := parse(t, w.deliveries(1)[0].Message).Header["Received"]
	if len(hops) != 2 || !strings.HasSuffix(hops[0], "10:03:55 +0000") || !strings.HasSuffix(hops[1], "10:03:59 +0000") ||
		!strings.HasPrefix(hops[1], "from client.example (127.0.0.1) by AM2PEPF") ||
		!strings.Contains(hops[1], "(version=TLS1_3, cipher=TLS_") {
		t.Errorf("%q", hops)
	}
}

func TestRelayFaults(t *testing.T) {
	address := netip.MustParseAddr("203.0.113.9")
	is := func(want string) func(string) bool {
		return func(message string) bool { return strings.Contains(message, want) }
	}
	for name, c := range map[string]struct {
		fault  RelayFault
		copies int
		check  func(message string) bool
	}{
		"none":      {RelayFault{}, 1, is("SFV:NSPM")},
		"delay":     {RelayFault{Delay: time.Millisecond}, 1, is("canary 1")},
		"duplicate": {RelayFault{Copies: 2}, 3, is("canary 1")},
		"spam":      {RelayFault{Spam: true}, 1, is("SCL:5;SRV:;IPV:NLI;SFV:SPM")},
		"another tenant": {
			RelayFault{Tenant: fabrikamID}, 1, is("TenantId=" + fabrikamID + ";Ip=[127.0.0.1]"),
		},
		"another address": {RelayFault{Address: address}, 1, is("Ip=[203.0.113.9]")},
		"altered": {RelayFault{Alter: func(m []byte) []byte {
			return bytes.ReplaceAll(m, []byte("canary 1"), []byte("[EXT] canary"))
		}}, 1, is("Subject: [EXT] canary")},
	} {
		t.Run(name, func(t *testing.T) {
			w := startRelay(t, nil)
			w.exchange.InjectRelayFault("contoso", c.fault)
			w.send("canary@probe.contoso.example", message)
			w.deliveries(c.copies)
			all := w.sink.Messages()
			if len(all) != c.copies {
				t.Fatalf("%d messages, want %d", len(all), c.copies)
			}
			for _, m := range all {
				if unfolded := strings.ReplaceAll(m, "\r\n ", " "); !c.check(unfolded) {
					t.Error(unfolded)
				}
			}
		})
	}
	t.Run("drop", func(t *testing.T) {
		w := startRelay(t, nil)
		w.exchange.InjectRelayFault("contoso", RelayFault{Drop: true})
		w.send("canary@probe.contoso.example", message)
		w.exchange.InjectRelayFault("contoso", RelayFault{})
		w.send("canary@probe.contoso.example", strings.ReplaceAll(message, "1", "2"))
		if all := w.deliveries(1); len(all) != 1 || !strings.Contains(all[0].Message, "canary 2") {
			t.Errorf("%+v", all)
		}
	})
}

func TestRelayReturnsWhatItCannotDeliver(t *testing.T) {
	bounce := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Not allowed"}
	for name, c := range map[string]struct {
		to     string
		fault  RelayFault
		body   string
		status string
	}{
		"no such mailbox": {"gone@contoso.example", RelayFault{}, message, "5.1.10"},
		"no route":        {"who@nowhere.example", RelayFault{}, message, "5.4.310"},
		"refused":         {"gone@probe.contoso.example", RelayFault{}, message, "5.1.1"},
		"greylisted":      {"grey@probe.contoso.example", RelayFault{}, message, "5.4.300"},
		"server is down":  {"who@dead.example", RelayFault{}, message, "5.4.300"},
		"by connector":    {"who@mail.partner.example", RelayFault{}, message, "5.4.300"},
		"fault":           {"canary@probe.contoso.example", RelayFault{Bounce: bounce}, message, "5.7.1"},
		"loop": {
			"canary@probe.contoso.example", RelayFault{}, strings.Repeat("Received: x\r\n", 21) + message, "5.4.14",
		},
		"header is broken": {"gone@contoso.example", RelayFault{}, "no header\r\n\r\nbody", "5.1.10"},
	} {
		t.Run(name, func(t *testing.T) {
			w := startRelay(t, nil)
			w.exchange.InjectRelayFault("contoso", c.fault)
			w.send(c.to, c.body)
			if d := w.deliveries(1)[0]; d.Err == nil || d.From != "a@sender.example" {
				t.Fatalf("%+v", d)
			}
			w.deliveries(2)
			checkNotification(t, w.home.Messages()[0], c.to, c.status)
		})
	}
}

// checkNotification reads a notification by RFC 3464.
func checkNotification(t *testing.T, text, recipient, status string) {
	t.Helper()
	m := parse(t, text)
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || parameters["report-type"] != "delivery-status" ||
		m.Header.Get("Auto-Submitted") != "auto-replied" {
		t.Fatalf("%s %v %v", kind, parameters, err)
	}
	var kinds []string
	for parts := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		kinds = append(kinds, kind)
		body, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if kind == "message/delivery-status" {
			for _, want := range []string{
				"Final-Recipient: rfc822;" + recipient, "Action: failed", "Status: " + status, "Diagnostic-Code: smtp;5",
			} {
				if !strings.Contains(string(body), want) {
					t.Errorf("%s, want %s", body, want)
				}
			}
		}
	}
	if diff := cmp.Diff([]string{"text/plain", "message/delivery-status", "message/rfc822"}, kinds); diff != "" {
		t.Error(diff)
	}
}

// TestRelayRetries starts the server behind the connector after the message was sent.
func TestRelayRetries(t *testing.T) {
	w := startRelay(t, func(o *RelayOptions) { o.Expire = time.Minute })
	w.send("who@dead.example", message)
	late := w.mail(MailOptions{Addr: w.exchange.relay.options.Hosts["dead.example"]})
	if d := w.deliveries(1)[0]; d.Err != nil || d.Attempts < 1 || len(late.Messages()) != 1 {
		t.Errorf("%+v", d)
	}
}

func TestRelayEndsWithMessagesUnderWay(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := startRelay(t, func(o *RelayOptions) { o.Expire = time.Hour })
	w.exchange.InjectRelayFault("fabrikam", RelayFault{Delay: time.Hour})
	w.send("who@dead.example", message)
	if err := w.exchange.SendFromMailbox("fabrikam", "a@fabrikam.example", "b@mx.example", []byte(message)); err != nil {
		t.Fatal(err)
	}
	w.exchange.Close()
	if err := w.exchange.SendFromMailbox("fabrikam", "a@fabrikam.example", "b@mx.example", nil); err == nil {
		t.Error("a closed relay accepts a message")
	}
	w.sink.Close()
	w.home.Close()
}

func TestRelayQueueIsBounded(t *testing.T) {
	w := startRelay(t, nil)
	w.exchange.InjectRelayFault("contoso", RelayFault{Delay: time.Hour, Copies: maxQueued})
	var got []bool
	for range 2 {
		err := w.exchange.SendFromMailbox("contoso", "user@contoso.example", "b@mx.example", []byte(message))
		got = append(got, err == nil)
	}
	if diff := cmp.Diff([]bool{true, false}, got); diff != "" {
		t.Error(diff)
	}
	if n := w.exchange.Queued(); n != maxQueued+1 {
		t.Errorf("%d messages under way, want %d", n, maxQueued+1)
	}
}
