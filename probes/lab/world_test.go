package lab

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

// TestWorldIsAsExpected visits every path of the world with a plain client and compares what it finds with Expect.
func TestWorldIsAsExpected(t *testing.T) {
	defer goleak.VerifyNone(t)
	w, err := StartWorld(WorldOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	want := map[string]int{"contoso": 6, "fabrikam": 10, "tailspin": 14}
	if runtime.GOOS == "linux" {
		got := map[string]int{}
		for _, e := range w.expect {
			got[e.Tenant]++
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for i, e := range w.expect {
		t.Run(e.Tenant+"/"+e.Connector, func(t *testing.T) { checkPath(t, w, w.paths[i], e) })
	}
}

func checkPath(t *testing.T, w *World, s outboundPath, e Expectation) {
	t.Helper()
	if e.Path != s.host || e.Outcome != s.outcome {
		t.Fatalf("path %+v with expectation %+v", s, e)
	}
	if e.Stage == "resolve" {
		checkName(t, w, s)
		return
	}
	addresses := w.resolve(t, s)
	switch e.Stage {
	case "connect":
		var refused []string
		for _, a := range addresses {
			conn, err := net.Dial("tcp", net.JoinHostPort(a, strconv.Itoa(s.port)))
			if err != nil {
				refused = append(refused, a)
				continue
			}
			_ = conn.Close()
		}
		if len(refused) != 1 {
			t.Errorf("refused by %v of %v, want by one", refused, addresses)
		}
	case "ehlo":
		checkGreeting(t, dial(t, addresses[0], s.port), e.Reason)
	default:
		for _, a := range addresses {
			checkTLS(t, w, s, e, dial(t, a, s.port))
		}
	}
}

// resolve returns the addresses of a path, by MX if it has one.
func (w *World) resolve(t *testing.T, s outboundPath) []string {
	t.Helper()
	hosts := []string{s.host}
	if _, mx := query(t, "udp", w.dns.Addr(), s.host, dns.TypeMX); len(mx) > 0 {
		hosts = nil
		for _, m := range mx {
			hosts = append(hosts, strings.Fields(m)[1])
		}
	}
	var all []string
	for _, h := range hosts {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
			_, addresses := query(t, "udp", w.dns.Addr(), h, qtype)
			all = append(all, addresses...)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no address", s.host)
	}
	return all
}

func checkName(t *testing.T, w *World, s outboundPath) {
	t.Helper()
	rcode, data := query(t, "udp", w.dns.Addr(), s.host, dns.TypeMX)
	got := rcode + strings.Join(data, ",")
	want := map[string]string{"nxdomain": "NXDOMAIN", "dns_servfail": "SERVFAIL", "null_mx": "NOERROR0 ."}[s.reason]
	if want == "" || got != want {
		t.Errorf("%s: %s, want %q", s.reason, got, want)
	}
}

func checkGreeting(t *testing.T, c *client, reason string) {
	t.Helper()
	switch reason {
	case "greeting_timeout":
		if !c.silent() {
			t.Error("a tarpit sent something")
		}
	case "throttled":
		c.expect("", "421 4.3.2 ")
	case "not_smtp":
		if got := lines(t, c.conn); got[0] != "HTTP/1.1 400 Bad Request" {
			t.Errorf("it sends %q", got)
		}
	default:
		t.Fatalf("no check for %s", reason)
	}
}

func checkTLS(t *testing.T, w *World, s outboundPath, e Expectation, c *client) {
	t.Helper()
	const ehlo = "EHLO client.example"
	switch e.Reason {
	case "starttls_not_offered":
		c.expect("", "220 ")
		if got := c.command(ehlo); !strings.HasPrefix(got, "250 ") || strings.Contains(got, "STARTTLS") {
			t.Errorf("EHLO: %s", got)
		}
	case "starttls_rejected":
		c.expect("", "220 ", ehlo, "250 lab.example|STARTTLS", "STARTTLS", "454 4.7.0 ")
	case "starttls_injection":
		c.expect("", "220 ", ehlo, "250 lab.example|STARTTLS", "STARTTLS", "220 go", "", "250 injected")
	default:
		checkCertificate(t, w, s, e, c.encrypt(&tls.Config{}))
		checkRecipient(c, s, e)
	}
}

func checkCertificate(t *testing.T, w *World, s outboundPath, e Expectation, state tls.ConnectionState) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(w.ca.root)
	name, want := s.host, ""
	if strings.HasPrefix(e.Reason, "certificate_") {
		want = e.Reason
	}
	if s.tlsSettings != "DomainValidation" {
		name = state.PeerCertificates[0].DNSNames[0] // no name is required
	}
	if got := verify(roots, state.PeerCertificates, name, w.now); got != want {
		t.Errorf("certificate: %q, want %q", got, want)
	}
}

func checkRecipient(c *client, s outboundPath, e Expectation) {
	c.t.Helper()
	if s.recipient == "" {
		return
	}
	want, known := map[string]string{
		"": "250 ", "recipient_unknown": "550 5.1.1 ", "temporary_rejection": "451 4.7.1 ",
	}[e.Reason]
	if !known {
		c.t.Fatalf("no check for %s", e.Reason)
	}
	c.expect("MAIL FROM:<>", "250 ", "RCPT TO:<"+s.recipient+">", want, "RSET", "250 ", "QUIT", "221 ")
}

// TestWorldWithFewAddresses starts the world as on macOS, which has 127.0.0.1 only, and without IPv6.
func TestWorldWithFewAddresses(t *testing.T) {
	defer goleak.VerifyNone(t)
	tests := map[string]struct {
		usable  func(string) bool
		without []string
		busy    string
	}{
		"IPv4 and IPv6": {
			usable:  func(h string) bool { return h == "127.0.0.1" || h == "::1" && usable(h) },
			without: []string{"One bad address of three"},
			busy:    "::1",
		},
		"IPv4": {
			usable:  func(h string) bool { return h == "127.0.0.1" },
			without: []string{"One bad address of three", "Too busy"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.busy != "" && !usable(test.busy) {
				t.Skip("this host has no IPv6 loopback")
			}
			w, err := startWorld(WorldOptions{Now: time.Now()}, test.usable)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			for i, e := range w.expect {
				if slices.Contains(test.without, e.Connector) {
					t.Errorf("%s is in the world", e.Connector)
				}
				if e.Connector == "Too busy" {
					if diff := cmp.Diff([]string{test.busy}, w.resolve(t, w.paths[i])); diff != "" {
						t.Error(diff)
					}
				}
				if e.Connector == "By MX" || e.Connector == "Too busy" {
					checkPath(t, w, w.paths[i], e)
				}
			}
			if got := len(w.expect) + len(test.without); got != 30 {
				t.Errorf("%d paths with those left out, want 30", got)
			}
		})
	}
}

// TestWorldLiveTenants visits the server behind the connector of northwind, and looks up both tenants in the fake.
func TestWorldLiveTenants(t *testing.T) {
	w, err := StartWorld(WorldOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_, port, _ := strings.Cut(w.yaml.String(), "- name: To on-premises\n        probe: { port: ")
	number, err := strconv.Atoi(port[:strings.IndexByte(port, ' ')])
	if err != nil {
		t.Fatal(err)
	}
	path := outboundPath{host: "mail.northwind.example", port: number, tlsSettings: "DomainValidation", outcome: "passed"}
	checkPath(t, w, path, w.expectLive[0])
	for domain, want := range map[string]bool{"northwind.onmicrosoft.com": true, "woodgrove.onmicrosoft.com": false} {
		tenant, err := w.Microsoft365().Tenant(domain)
		if err != nil {
			t.Fatal(err)
		}
		if app := tenant.Apps[0]; !app.AppRole || app.DirectoryRole != want || !strings.Contains(w.yaml.String(), tenant.ID) {
			t.Errorf("%s: %+v", domain, app)
		}
	}
}

// TestWorldTrips hands the message of each round trip to the fake Exchange Online and receives it in place of the
// watcher.
func TestWorldTrips(t *testing.T) {
	w, err := StartWorld(WorldOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	sink, err := StartMail(MailOptions{Addr: w.sink})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	received := 0
	for tenant, certificate := range map[string]string{
		"contoso": "mail.contoso.example", "tailspin": "relay.vendor.example",
	} {
		text := w.files[filepath.Join("certs", certificate+".pem")]
		pair, err := tls.X509KeyPair(text, text)
		if err != nil {
			t.Fatal(err)
		}
		address := "<canary@" + tenant + ".example>"
		if !strings.Contains(w.shared.String(), "recipient: canary@"+tenant+".example") {
			t.Errorf("no round trip to %s", address)
		}
		client := dial(t, "127.0.0.1", w.exchangeOnline.Port())
		client.encrypt(&tls.Config{Certificates: []tls.Certificate{pair}})
		client.expect("MAIL FROM:"+address, "250", "RCPT TO:"+address, "250", "DATA", "354", "Subject: x\r\n\r\n.", "250")
		for begin := time.Now(); len(sink.Messages()) == received && time.Since(begin) < clientTimeout; {
			time.Sleep(time.Millisecond)
		}
		received++
		got := stamped(t, sink.Messages()[received-1])
		if got["tenant"] != tripTenants["contoso"] || got["origin"] != "HybridOnPrem" {
			t.Errorf("%s: %v, want one attributed to contoso", tenant, got)
		}
	}
}

func TestWriteConfig(t *testing.T) {
	w, err := StartWorld(WorldOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	dir := t.TempDir()
	file, err := w.WriteConfig(dir)
	if err != nil || file != filepath.Join(dir, "config.yaml") {
		t.Fatal(file, err)
	}
	for _, name := range []string{"config.yaml", "ca.pem"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%s has mode %o, want 600", name, mode)
		}
	}
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range w.Expect() {
		if !strings.Contains(string(text), "- name: "+e.Connector+"\n") {
			t.Errorf("%s is missing", e.Connector)
		}
	}
	if _, err := w.WriteConfig(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("WriteConfig accepts a folder that does not exist")
	}
}
