package smtpprobe

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"maps"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// script is a server as a literal: its greeting, and its reply by the first word of the command.
type script struct {
	greet   string
	answers map[string]string        // by verb, upper case, over TLS first by "TLS "+verb; "" closes the connection
	cert    *tls.Config              // for STARTTLS
	raw     func(net.Conn)           // instead of all that
	rawTLS  func(net.Conn)           // instead of a handshake
	hold    func(io.Reader)          // instead of the answer to EHLO over TLS
	reply   func(line string) string // before answers; "" leaves the answer to them
	pieces  int                      // how many bytes it sends at a time after the handshake; 0: all
}

func healthy(cert *tls.Config) script {
	return script{greet: "220 mail.test ESMTP\r\n", cert: cert, answers: map[string]string{
		"EHLO": "250-mail.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n", "STARTTLS": "220 2.0.0 ready\r\n",
		"MAIL": "250 2.1.0 ok\r\n",
		"RCPT": "250 2.1.5 ok\r\n", "RSET": "250 ok\r\n", "DATA": "354 go\r\n", ".": "250 2.0.0 queued\r\n",
		"QUIT": "221 bye\r\n",
	}}
}

func (s script) with(pairs ...string) script {
	all := map[string]string{}
	maps.Copy(all, s.answers)
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	s.answers = all
	return s
}

func (s script) withTLS(raw func(net.Conn)) script {
	s.rawTLS = raw
	return s
}

// serve starts the script on loopback and returns where, and what stops it and gives the lines it heard.
func serve(t testing.TB, s script) (netip.AddrPort, func() []string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 10000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if s.raw != nil {
				s.raw(conn)
			} else {
				s.talk(conn, heard)
			}
			_ = conn.Close()
		}
	}()
	stop := func() { _ = l.Close(); <-done }
	t.Cleanup(stop)
	return l.Addr().(*net.TCPAddr).AddrPort(), func() []string {
		stop()
		var all []string
		for len(heard) > 0 {
			all = append(all, <-heard)
		}
		return all
	}
}

func (s script) talk(conn net.Conn, heard chan<- string) {
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = conn.Write([]byte(s.greet))
	br := bufio.NewReader(conn)
	over := ""
	for data := false; ; {
		line, err := br.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		select {
		case heard <- line:
		default: // the channel is full
		}
		verb, _, _ := strings.Cut(line, " ")
		verb, _, _ = strings.Cut(strings.ToUpper(verb), ":")
		if data && verb != "." {
			continue
		}
		if s.hold != nil && over+verb == "TLS EHLO" {
			s.hold(br)
			return
		}
		answer, ok := s.answers[over+verb]
		if !ok {
			answer = s.answers[verb]
		}
		if s.reply != nil {
			answer = cmp.Or(s.reply(line), answer)
		}
		data = strings.HasPrefix(answer, "354")
		if answer == "" {
			return
		}
		if _, err := conn.Write([]byte(answer)); err != nil || verb == "QUIT" {
			return
		}
		if verb == "STARTTLS" && strings.HasPrefix(answer, "220") {
			if s.rawTLS != nil {
				s.rawTLS(conn)
				return
			}
			under := &inPieces{Conn: conn}
			secure := tls.Server(under, s.cert)
			if secure.Handshake() != nil {
				return
			}
			under.size = s.pieces
			conn, br, over = secure, bufio.NewReader(secure), "TLS "
			if _, err := conn.Write([]byte(s.answers["TLS"])); err != nil {
				return
			}
		}
	}
}

type always bool

func (a always) Take(string, time.Duration) (bool, time.Time, error) {
	return bool(a), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), nil
}

func testProber(roots *x509.CertPool) *Prober {
	return New(Options{
		Roots: roots, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Messages: always(true), Version: "test",
	})
}

func testPath(at netip.AddrPort, until probes.Stage, settings mailflow.TLSSettings) probes.Path {
	return probes.Path{
		ID:      probes.PathID{Tenant: "t", Direction: mailflow.Outbound, Connector: "c", Path: "mail.test"},
		NextHop: "mail.test", ConnectorType: mailflow.OnPremises, TLSSettings: settings, MailFrom: "from@contoso.com",
		Recipients: []string{"probe@contoso.com"},
		Settings: probes.Settings{
			Until: until, Port: at.Port(), HelloName: "prober.test", Timeout: 2 * time.Second, Protocol: probes.IPAny,
			ConnectTo: []netip.Addr{at.Addr()},
		},
	}
}

func probeOne(t testing.TB, w *Prober, p probes.Path) probes.Endpoint {
	t.Helper()
	res := w.Probe(context.Background(), &p)
	note(res.Endpoints)
	if len(res.Endpoints) != 1 {
		t.Fatalf("endpoints: %+v", res.Endpoints)
	}
	return res.Endpoints[0]
}

// throughPort makes w connect to a server whatever the port of the path.
func throughPort(w *Prober, at netip.AddrPort) {
	w.dial = func(ctx context.Context, d *net.Dialer, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, at.String())
	}
}

// sniOf makes a server note the names that clients send in SNI.
func sniOf(config *tls.Config) func() []string {
	names := make(chan string, 10)
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		names <- hello.ServerName
		return nil, nil //nolint:nilnil // crypto/tls: the config itself
	}
	return func() (all []string) {
		for len(names) > 0 {
			all = append(all, <-names)
		}
		return all
	}
}
