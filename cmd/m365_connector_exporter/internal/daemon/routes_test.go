package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/lab"
)

// still is a daemon that has nothing to probe.
func still(t *testing.T) *Daemon {
	t.Helper()
	return configured(t, "tenants:\n- name: contoso\n  outbound_connectors:\n"+
		"  - { name: No hop, connector_type: OnPremises, use_mx_record: false, smart_hosts: [10.0.0.0/8] }\n")
}

// configured is a daemon with this configuration. It does not run.
func configured(t testing.TB, text string) *Daemon {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return loaded(t, file)
}

// loaded is a daemon with the configuration in this file. It does not run.
func loaded(t testing.TB, file string) *Daemon {
	t.Helper()
	loader := config.NewLoader(file)
	cfg, err := loader.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(t.Context(), loader, cfg, "prober.test", promslog.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var target = url.QueryEscape("contoso/outbound/No%20hop/10.0.0.0%2F8")

// routes has a successful GET request for every route.
func routes(t *testing.T, d *Daemon) []string {
	t.Helper()
	all := []string{
		"/", "/path?target=" + target, "/attribution", "/reference", "/runbooks/M365ConnectorDown", "/icon.svg",
		"/metrics", "/metrics?tenant=con*", "/probe?target=" + target,
		"/sd", "/api/v1/paths", "/api/v1/findings", "/-/healthy", "/-/ready",
	}
	page := get(d.Handler(HandlerOptions{}), http.MethodGet, "/", nil).Body.String()
	style := regexp.MustCompile(`style-[0-9a-f]+\.css`).FindString(page)
	if style == "" {
		t.Fatal("the page has no style sheet")
	}
	return append(all, "/"+style)
}

// request asks a running server and returns status, header and body.
func request(
	t *testing.T, client *http.Client, method, address string, change func(*http.Request),
) (code int, header http.Header, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %.100s: %v", method, address, err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %.100s: %v", method, address, err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

func TestRouteMethods(t *testing.T) {
	d := still(t)
	server := httptest.NewServer(d.Handler(HandlerOptions{}))
	defer server.Close()
	for _, route := range routes(t, d) {
		code, header, body := request(t, server.Client(), http.MethodGet, server.URL+route, nil)
		if code != http.StatusOK || body == "" {
			t.Errorf("GET %s = %d %.200s", route, code, body)
		}
		headCode, headHeader, headBody := request(t, server.Client(), http.MethodHead, server.URL+route, nil)
		if headCode != code || headBody != "" || headHeader.Get("Content-Type") != header.Get("Content-Type") {
			t.Errorf("HEAD %s = %d %q %.200s", route, headCode, headHeader.Get("Content-Type"), headBody)
		}
		for _, method := range []string{
			http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch,
			http.MethodOptions, "BREW",
		} {
			if code, header, _ := request(t, server.Client(), method, server.URL+route,
				nil); code != http.StatusMethodNotAllowed || header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s = %d, Allow %q", method, route, code, header.Get("Allow"))
			}
		}
	}
}

func TestRouteQueries(t *testing.T) {
	d := still(t)
	handler := d.Handler(HandlerOptions{})
	for _, route := range routes(t, d) {
		path, _, _ := strings.Cut(route, "?")
		for _, query := range []string{
			"q=a&q=a", "target=a&target=b", "tenant=[", "%zz", "a;b", "page=-1", "=", "&&&&",
			"debug=1&module=nope&target=" + target,
			strings.Repeat("a=b&", 20000), "target=" + strings.Repeat("%2F", 2000),
			"tenant=" + strings.Repeat("%1b", 2000), "q=%1b%5d0%3bx%07<script>%ff",
		} {
			r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
			r.URL.RawQuery = query
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != 200 && w.Code != 400 && w.Code != 404 {
				t.Errorf("%s?%.40s = %d %.100s", path, query, w.Code, w.Body)
			}
			body := w.Body.String()
			if strings.ContainsAny(body, "\x1b\x07") || strings.Contains(body, "<script") &&
				strings.Contains(w.Header().Get("Content-Type"), "html") {
				t.Errorf("%s?%.40s comes back as it was", path, query)
			}
			if w.Code != 200 && (len(body) < 10 || len(body) > 2000 || w.Header().Get("X-Content-Type-Options") != "nosniff") {
				t.Errorf("%s?%.40s = %d with %d bytes, header %v", path, query, w.Code, len(body), w.Header())
			}
		}
	}
}

// TestNothingWaitsForAReload holds that all routes work while a reload takes long.
func TestNothingWaitsForAReload(t *testing.T) {
	d := still(t)
	handler := d.Handler(HandlerOptions{})
	hung := hangReloads(d)
	defer close(hung.release)
	go func() { _ = d.reload(t.Context(), "test") }()
	<-hung.started
	for _, route := range []string{
		"/", "/path?target=" + target, "/attribution", "/metrics",
		"/probe?target=" + target, "/sd", "/api/v1/paths", "/api/v1/findings", "/-/ready",
	} {
		if w := get(handler, http.MethodGet, route, nil); w.Code != 200 {
			t.Errorf("%s = %d", route, w.Code)
		}
	}
}

func TestReloadRefusesForeignOrigins(t *testing.T) {
	d := still(t)
	server := httptest.NewServer(d.Handler(HandlerOptions{}))
	defer server.Close()
	for _, c := range []struct {
		method, name, value string
		code                int
	}{
		{http.MethodPost, "Origin", "https://evil.example", 403},
		{http.MethodPost, "Origin", "null", 403},
		{http.MethodPost, "Sec-Fetch-Site", "cross-site", 403},
		{http.MethodPost, "Sec-Fetch-Site", "same-site", 403},
		{http.MethodPost, "Origin", server.URL, 200},
		{http.MethodPost, "Sec-Fetch-Site", "same-origin", 200},
		{http.MethodPost, "User-Agent", "curl", 200},
		{http.MethodGet, "User-Agent", "curl", 405},
		{http.MethodPut, "User-Agent", "curl", 405},
	} {
		code, _, body := request(t, server.Client(), c.method, server.URL+"/-/reload",
			func(r *http.Request) { r.Header.Set(c.name, c.value) })
		if code != c.code {
			t.Errorf("%s with %s: %s = %d %s, want %d", c.method, c.name, c.value, code, body, c.code)
		}
	}
}

func TestRoutePrefixHoldsForEveryRoute(t *testing.T) {
	d := still(t)
	handler := d.Handler(HandlerOptions{Prefix: "/m365"})
	for _, route := range routes(t, d) {
		if w := get(handler, http.MethodGet, "/m365"+route, nil); w.Code != 200 {
			t.Errorf("/m365%s = %d", route, w.Code)
		}
		want := http.StatusNotFound
		if route == "/" {
			want = http.StatusFound // to the prefix
		}
		if w := get(handler, http.MethodGet, route, nil); w.Code != want {
			t.Errorf("%s = %d, want %d", route, w.Code, want)
		}
	}
	if w := get(handler, http.MethodPost, "/m365/-/reload", nil); w.Code != 200 {
		t.Errorf("reload = %d", w.Code)
	}
	for _, path := range []string{
		"/m365", "/m365/nowhere", "/m365/-/", "/m365/../etc/passwd",
		"/m365/style-000000000000.css", "/m365/templates/layout.tmpl",
	} {
		if w := get(handler, http.MethodGet, path, nil); w.Code == 200 {
			t.Errorf("%s = %d %.100s", path, w.Code, w.Body)
		}
	}
}

// TestTLSAndPassword starts the listener as serve does, with a web configuration: no route answers without TLS, nor
// without the password, health included.
func TestTLSAndPassword(t *testing.T) {
	d := still(t)
	address, roots := protected(t, d)
	secure := &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
	}
	defer secure.CloseIdleConnections()
	plain := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	type ask struct{ method, route string }
	asks := []ask{{http.MethodPost, "/-/reload"}, {http.MethodGet, "/nowhere"}}
	for _, route := range routes(t, d) {
		asks = append(asks, ask{http.MethodGet, route})
	}
	password := func(user, word string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, word) }
	}
	for _, a := range asks {
		want := http.StatusOK
		if a.route == "/nowhere" {
			want = http.StatusNotFound
		}
		if code, _, _ := request(t, secure, a.method, "https://"+address+a.route,
			password("prometheus", "correct horse")); code != want {
			t.Errorf("%s %s with the password = %d, want %d", a.method, a.route, code, want)
		}
		for _, change := range []func(*http.Request){
			nil, password("prometheus", "wrong"),
			password("nobody", "correct horse"), password("", ""),
		} {
			if code, _, body := request(t, secure, a.method, "https://"+address+a.route,
				change); code != http.StatusUnauthorized || strings.Contains(body, "contoso") {
				t.Errorf("%s %s without the password = %d %.100s", a.method, a.route, code, body)
			}
		}
		if code, _, body := request(t, plain, a.method, "http://"+address+a.route,
			password("prometheus", "correct horse")); code != http.StatusBadRequest || strings.Contains(body, "contoso") {
			t.Errorf("%s %s without TLS = %d %.100s", a.method, a.route, code, body)
		}
	}
}

// writeTLSFiles writes cert.pem and key.pem for localhost into a folder, and returns the roots.
func writeTLSFiles(t *testing.T, dir string) (roots *x509.CertPool) {
	t.Helper()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue(lab.Leaf{
		Names: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var chain []byte
	for _, der := range certificate.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	for name, text := range map[string][]byte{
		"cert.pem": chain, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.RootPEM())
	return roots
}

// protected serves the daemon's routes with a certificate and a password, until the test ends.
func protected(t *testing.T, d *Daemon) (address string, roots *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	roots = writeTLSFiles(t, dir)
	file, no := filepath.Join(dir, "web.yaml"), false
	if err := os.WriteFile(file, []byte("tls_server_config: { cert_file: cert.pem, key_file: key.pem }\n"+
		// bcrypt of "correct horse"
		"basic_auth_users: { prometheus: $2a$04$ttbXNS.dvGzx80P4wG3wJufkLOqOl33H9SN6HvKIU34gKjRNLiq/y }\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler: d.Handler(HandlerOptions{}), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	ended := make(chan error, 1)
	go func() {
		ended <- toolkit.Serve(listener, server, &toolkit.FlagConfig{
			WebConfigFile: &file, WebSystemdSocket: &no,
			WebListenAddresses: &[]string{},
		}, promslog.NewNopLogger())
	}()
	t.Cleanup(func() {
		if err := server.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return "localhost:" + port, roots
}
