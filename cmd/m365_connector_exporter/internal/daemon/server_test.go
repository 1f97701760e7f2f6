package daemon

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestPprof: profiles are on their own address when asked for, and never beside the pages.
func TestPprof(t *testing.T) {
	if err := servePprof(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := servePprof(t.Context(), address); err == nil || !strings.Contains(err.Error(), "--debug.pprof-address") {
		t.Errorf("an address that is taken: %v", err)
	}
	_ = l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- servePprof(ctx, address) }()
	var answer *http.Response
	for answer == nil {
		if answer, err = http.Get("http://" + address + "/debug/pprof/"); err != nil {
			time.Sleep(time.Millisecond)
		}
	}
	page, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(page), "goroutine") {
		t.Errorf("%s\n%s", answer.Status, page)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	d := configured(t, "tenants: [{ name: contoso }]\n")
	if got := get(d.Handler(HandlerOptions{}), http.MethodGet, "/debug/pprof/", nil); got.Code != http.StatusNotFound {
		t.Errorf("profiles beside the pages: %d", got.Code)
	}
}
