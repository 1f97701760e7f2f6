package daemon

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestReloadRefusesForeignHosts(t *testing.T) {
	handler := still(t).Handler(HandlerOptions{Hosts: []string{"mon.contoso.com", "[2001:db8::1]:10587", ""}})
	for _, c := range []struct {
		method, host, origin string
		code                 int
	}{
		{http.MethodPost, "rebind.evil.example:10587", "http://rebind.evil.example:10587", http.StatusForbidden},
		{http.MethodPost, "rebind.evil.example:10587", "", http.StatusForbidden},
		{http.MethodPost, "localhost.evil.example", "", http.StatusForbidden},
		{http.MethodPost, "", "", http.StatusForbidden},
		{http.MethodPost, "127.0.0.1.evil.example:80", "", http.StatusForbidden},
		{http.MethodPost, "localhost:10587", "http://localhost:10587", http.StatusOK},
		{http.MethodPost, "LOCALHOST.", "", http.StatusOK},
		{http.MethodPost, "127.0.0.1:10587", "http://127.0.0.1:10587", http.StatusOK},
		{http.MethodPost, "[::1]:10587", "", http.StatusOK},
		{http.MethodPost, "192.0.2.1:10587", "", http.StatusOK},
		{http.MethodPost, "mon.contoso.com", "https://mon.contoso.com", http.StatusOK},
		{http.MethodPost, "Mon.contoso.com:443", "", http.StatusOK},
		{http.MethodPost, "192.0.2.1:10587", "http://rebind.evil.example:10587", http.StatusForbidden},
		{http.MethodGet, "rebind.evil.example:10587", "", http.StatusMethodNotAllowed},
	} {
		r := httptest.NewRequest(c.method, "/-/reload", http.NoBody)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != c.code {
			t.Errorf("%s with Host %q and Origin %q = %d %s, want %d", c.method, c.host, c.origin, w.Code, w.Body, c.code)
		}
	}
}
