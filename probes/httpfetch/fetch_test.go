package httpfetch_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"m365_connector_exporter/probes/httpfetch"
)

// loopback resolves every name to 127.0.0.1, except names that begin with "no".
var loopback = httpfetch.Network{
	LookUp: func(_ context.Context, host string) ([]netip.Addr, error) {
		if strings.HasPrefix(host, "no") {
			return nil, errors.New("no such name")
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	},
	Allowed: func(netip.Addr) bool { return true },
}

func handler(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/policy":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprint(w, "version: STSv1")
	case "/html":
		w.Header().Set("Content-Type", "text/html")
	case "/moved":
		http.Redirect(w, r, "/policy", http.StatusFound)
	case "/long":
		w.Header().Set("Content-Type", "text/plain")
		_, _ = fmt.Fprint(w, strings.Repeat("x", 101))
	case "/short":
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "50")
		_, _ = fmt.Fprint(w, "x")
	default:
		http.NotFound(w, r)
	}
}

func TestGet(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(handler))
	defer server.Close()
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	refused := loopback
	refused.Allowed = func(netip.Addr) bool { return false }
	nowhere := loopback
	nowhere.LookUp = func(context.Context, string) ([]netip.Addr, error) { return nil, nil }
	for name, row := range map[string]struct {
		network httpfetch.Network
		url     string
		want    string // the document, or a part of the error
		silent  bool   // the error is one of the connection
	}{
		"a document":            {loopback, "http://a.example" + port + "/policy", "version: STSv1", false},
		"from an address":       {loopback, server.URL + "/policy", "version: STSv1", false},
		"another media type":    {loopback, server.URL + "/html", `the media type is "text/html", not text/plain`, false},
		"a redirect":            {loopback, server.URL + "/moved", "the server answered 302", false},
		"not there":             {loopback, server.URL + "/", "the server answered 404", false},
		"too long":              {loopback, server.URL + "/long", "longer than 100 bytes", false},
		"ends early":            {loopback, server.URL + "/short", "reading: unexpected EOF", true},
		"an address refused":    {refused, server.URL + "/policy", "127.0.0.1 is not in allow_networks", true},
		"a name without server": {loopback, "http://no.example" + port, "no such name", true},
		"no address":            {nowhere, "http://a.example" + port, "no address", true},
		"no port":               {loopback, "http://127.0.0.1:99999/", "99999", true},
		"nobody listens":        {loopback, "http://127.0.0.1:1/", "refused", true},
		"no URL":                {loopback, "http://%zz", "not an address", false},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := httpfetch.New().Get(t.Context(), row.network, httpfetch.Request{
				URL: row.url, MaxBytes: 100, MediaType: "text/plain",
			})
			got := string(body)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, row.want) {
				t.Errorf("Get(%s) = %q, %v; want %q", row.url, body, err, row.want)
			}
			if httpfetch.Unreachable(err) != row.silent {
				t.Errorf("Unreachable(%v) is not %v", err, row.silent)
			}
		})
	}
}

func TestGetVerifiesTheServersCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(handler))
	server.Config.ErrorLog = nil
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	get := func(host string, roots *x509.CertPool) error {
		_, err := httpfetch.New().Get(t.Context(), loopback, httpfetch.Request{
			URL: "https://" + host + port + "/policy", MaxBytes: 100, Roots: roots,
		})
		return err
	}
	if err := get("example.com", roots); err != nil {
		t.Errorf("a trusted certificate: %v", err)
	}
	for name, err := range map[string]error{
		"another name": get("other.example", roots), "untrusted": get("example.com", x509.NewCertPool()),
	} {
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
			t.Errorf("%s: error %v, want a *tls.CertificateVerificationError", name, err)
		}
		if httpfetch.Unreachable(err) {
			t.Errorf("%s: a certificate that is not valid is an answer", name)
		}
	}
}

func TestGetEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	_, err := httpfetch.New().Get(ctx, loopback, httpfetch.Request{URL: server.URL, MaxBytes: 100})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
