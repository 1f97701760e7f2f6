package lab

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPoliciesOfTheWorld(t *testing.T) {
	w, err := StartWorld(WorldOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.ca.RootPEM())
	for domain, want := range map[string]string{
		"partners.contoso.example": "mx: mx2.contoso.example", "moved.tailspin.example": "mx: old.tailspin.example",
		"other.example": "",
	} {
		transport := &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "mta-sts.moved.tailspin.example"},
		}
		defer transport.CloseIdleConnections()
		url := fmt.Sprintf("https://127.0.0.1:%d/.well-known/mta-sts.txt", w.PolicyPort())
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		request.Host = "mta-sts." + domain
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		found := response.StatusCode == http.StatusOK && response.Header.Get("Content-Type") == "text/plain"
		if found != (want != "") || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s\n%s", domain, response.Status, text)
		}
	}
}
