//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// protectedDaemon is a daemon that requires TLS, a client certificate and a password. Profiles have a separate address.
type protectedDaemon struct {
	*process
	address, profiles  string
	roots              *x509.CertPool
	trusted, untrusted tls.Certificate
}

const (
	webPassword = "correct horse"
	webHash     = "$2a$04$ttbXNS.dvGzx80P4wG3wJufkLOqOl33H9SN6HvKIU34gKjRNLiq/y"
)

func startProtected(t *testing.T) *protectedDaemon {
	t.Helper()
	w := smallWorld(t)
	server, client := w.ca.issue(leaf{name: "localhost"}), w.ca.issue(leaf{name: "prometheus", clientAuth: true})
	file := w.write("config.yaml", "tenants:\n- name: contoso\n  outbound_connectors:\n"+
		"  - { name: No hop, connector_type: OnPremises, use_mx_record: false, smart_hosts: [10.0.0.0/8] }\n")
	webFile := w.write("web.yaml",
		fmt.Sprintf("tls_server_config: { cert_file: %q, key_file: %q, client_ca_file: %q, client_auth_type: "+
			"RequireAndVerifyClientCert }\n"+
			"basic_auth_users: { prometheus: %q }\n", server.chain, server.key, w.ca.rootFile, webHash))
	g := &protectedDaemon{
		address: fmt.Sprintf("127.0.0.1:%d", freePort(t)), profiles: fmt.Sprintf("127.0.0.1:%d", freePort(t)),
		roots: x509.NewCertPool(), trusted: loadPair(t, client),
		untrusted: loadPair(t, w.ca.issue(leaf{name: "untrusted", selfSigned: true, clientAuth: true})),
	}
	g.roots.AppendCertsFromPEM([]byte(read(t, w.ca.rootFile)))
	g.process = start(t, w.binary, "serve", "--log.level=debug", "--config.file="+file, "--web.config.file="+webFile,
		"--web.listen-address="+g.address,
		"--debug.pprof-address="+g.profiles)
	g.listens(g.address)
	g.listens(g.profiles)
	return g
}

func loadPair(t *testing.T, p pair) tls.Certificate {
	t.Helper()
	certificate, err := tls.LoadX509KeyPair(p.chain, p.key)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// client returns a client that presents the first certificate, if any.
func (g *protectedDaemon) client(certificates ...tls.Certificate) *http.Client {
	// the certificate is presented whether or not the server accepts its issuer
	getCertificate := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if len(certificates) == 0 {
			return &tls.Certificate{}, nil
		}
		return &certificates[0], nil
	}
	config := &tls.Config{
		RootCAs: g.roots, ServerName: "localhost", MinVersion: tls.VersionTLS12,
		GetClientCertificate: getCertificate,
	}
	return &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
}

// request sends one request; code is 0 if there was no response.
func request(t *testing.T, client *http.Client, method, address, password string,
	body io.Reader,
) (code int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if password != "" {
		r.SetBasicAuth("prometheus", password)
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, "" // the error contains the address
	}
	defer func() { _ = answer.Body.Close() }()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Errorf("%s %s: %v", method, address, err)
	}
	return answer.StatusCode, string(all)
}

// TestWebConfig checks that no route of the binary, not even /-/healthy, is served without a client certificate or
// without the password, and that responses and log contain neither the password nor its hash.
func TestWebConfig(t *testing.T) {
	g := startProtected(t)
	trusted, untrusted, anonymous := g.client(g.trusted), g.client(g.untrusted), g.client()
	target := url.QueryEscape("contoso/outbound/No%20hop/10.0.0.0%2F8")
	for _, c := range []struct {
		method, route string
		code          int
	}{
		{"GET", "/", 200},
		{"GET", "/path?target=" + target, 200},
		{"GET", "/attribution", 200},
		{"GET", "/reference", 200},
		{"GET", "/metrics", 200},
		{"GET", "/probe?target=" + target, 200},
		{"GET", "/sd", 200},
		{"GET", "/api/v1/paths", 200},
		{"GET", "/api/v1/findings", 200},
		{"GET", "/-/healthy", 200},
		{"GET", "/-/ready", 200},
		{"POST", "/-/reload", 200},
		{"GET", "/nowhere", 404},
		{"GET", "/debug/pprof/", 404},
	} {
		address := "https://" + g.address + c.route
		for name, got := range map[string]func() (int, string){
			fmt.Sprint(c.code): func() (int, string) { return request(t, trusted, c.method, address, webPassword, nil) },
			"401":              func() (int, string) { return request(t, trusted, c.method, address, "", nil) },
			"401, wrong":       func() (int, string) { return request(t, trusted, c.method, address, "wrong", nil) },
			"0, anonymous":     func() (int, string) { return request(t, anonymous, c.method, address, webPassword, nil) },
			"0, untrusted":     func() (int, string) { return request(t, untrusted, c.method, address, webPassword, nil) },
			"400, no TLS": func() (int, string) {
				return request(t, anonymous, c.method, "http"+address[5:], webPassword, nil)
			},
		} {
			want, _, refused := strings.Cut(name, ",")
			code, text := got()
			if fmt.Sprint(code) != want || (refused || code == 401) && strings.Contains(text, "contoso") {
				t.Errorf("%s %s: %d, want %s: %.200s", c.method, c.route, code, name, text)
			}
			if strings.Contains(text, webPassword) || strings.Contains(text, webHash) {
				t.Errorf("%s %s: the response contains the password or its hash", c.method, c.route)
			}
		}
	}
	if code, text := request(t, http.DefaultClient, "GET", "http://"+g.profiles+"/debug/pprof/", "", nil); code != 200 ||
		!strings.Contains(text, "goroutine") {
		t.Errorf("profiles: %d %.200s", code, text)
	}
	if log := g.out.String(); strings.Contains(log, webPassword) || strings.Contains(log, webHash) ||
		strings.Contains(log, "PRIVATE KEY") {
		t.Errorf("the log contains a secret:\n%s", log)
	}
	for line := range strings.Lines(g.out.String()) { // including those of failed handshakes
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("a line of the log has no level: %s", line)
		}
	}
}

// TestSlowClients checks that every listener closes connections that do not finish a handshake or a request, serves
// other clients meanwhile, and rejects requests that are too large.
func TestSlowClients(t *testing.T) {
	g := startProtected(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // the limits are 10 s for a handshake and a header
	defer cancel()
	raw := func(address string) net.Conn {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	secure := func() net.Conn {
		conn := tls.Client(raw(g.address), &tls.Config{
			RootCAs: g.roots, ServerName: "localhost",
			Certificates: []tls.Certificate{g.trusted}, MinVersion: tls.VersionTLS12,
		})
		if err := conn.HandshakeContext(ctx); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	slow := map[string]net.Conn{
		"silent": raw(g.address), "half a handshake": raw(g.address), "no request": secure(), "half a header": secure(),
		"profiles, silent": raw(g.profiles), "profiles, half a header": raw(g.profiles),
	}
	for name, text := range map[string]string{
		"half a handshake": "\x16\x03\x01\x02\x00\x01", "half a header": "GET / HTTP/1.1\r\nHost: ",
		"profiles, half a header": "GET /debug/pprof/ HTTP/1.1\r\nHost: ",
	} {
		if _, err := io.WriteString(slow[name], text); err != nil {
			t.Fatal(err)
		}
	}
	trusted := g.client(g.trusted)
	if code, text := request(t, trusted, "GET", "https://"+g.address+"/-/healthy", webPassword, nil); code != 200 {
		t.Errorf("/-/healthy while clients are slow: %d %s", code, text)
	}
	for _, c := range []struct{ route, header string }{
		{"/?q=" + strings.Repeat("x", 1<<20), ""},
		{"/", strings.Repeat("x", 1<<20)},
	} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+g.address+c.route, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("prometheus", webPassword)
		r.Header.Set("X-Large", c.header)
		if answer, err := trusted.Do(r); err == nil { // a reset is a rejection, too
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("a request of a megabyte: %s", answer.Status)
			}
		}
	}
	if code, text := request(t, trusted, "POST", "https://"+g.address+"/-/reload", webPassword,
		io.LimitReader(zeros{}, 64<<20)); code != 200 && code != 0 {
		t.Errorf("a body of 64 MB: %d %s", code, text)
	}
	for name, conn := range slow {
		deadline, _ := ctx.Deadline()
		_ = conn.SetReadDeadline(deadline)
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Errorf("%s: still connected", name)
		}
		_ = conn.Close()
	}
}

// zeros is an endless reader of zero bytes.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error) //nolint:errorlint // as the connection gave it
	return ok && timeout.Timeout()
}
