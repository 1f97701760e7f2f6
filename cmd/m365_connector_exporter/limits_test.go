//go:build unix

package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestListenerOfTheProgram holds that the built program limits connections and refuses foreign hosts.
func TestListenerOfTheProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("tenants: [{name: contoso}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, "--web.listen-address=127.0.0.1:0", "--web.max-connections=3", "--config.file="+file,
		"--web.external-url=https://mon.contoso.com/m365")
	address := regexp.MustCompile(`address=(127\.\S+)`).FindStringSubmatch(c.logs("Listening on"))[1]
	for _, test := range []struct {
		host string
		code int
	}{{"mon.contoso.com", http.StatusOK}, {"rebind.evil.example", http.StatusForbidden}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/m365/-/reload", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = test.host
		r.Header.Set("Origin", "https://"+test.host)
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != test.code {
			t.Errorf("POST with Host %s = %s, want %d", test.host, response.Status, test.code)
		}
	}
	closed := make(chan bool, 10)
	for range 10 {
		conn, err := net.DialTimeout("tcp", address, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		go func() {
			_, _ = conn.Read(make([]byte, 1)) // until it is closed
			closed <- true
		}()
	}
	for i := range 7 {
		select {
		case <-closed:
		case <-time.After(8 * time.Second): // below the time in which the server ends an idle connection anyway
			t.Fatalf("%d of 10 idle connections were closed, want 7: the limit is 3", i)
		}
	}
	c.signal(syscall.SIGKILL)
	_ = c.exits()
}

// TestShutdownDuringReloadFlood holds that the built program ends soon after SIGTERM, however many reloads are
// requested: one runs, one is pending, and it waits for neither.
func TestShutdownDuringReloadFlood(t *testing.T) {
	c := startChild(t, "--web.listen-address=127.0.0.1:0", "--web.max-connections=1000", "--config.file="+slowToLoad(t))
	address := regexp.MustCompile(`address=(127\.\S+)`).FindStringSubmatch(c.logs("Listening on"))[1]
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var answered sync.WaitGroup
	for range 400 {
		answered.Go(func() {
			response, err := client.Post("http://"+address+"/-/reload", "", http.NoBody)
			if err == nil {
				_ = response.Body.Close()
			}
		})
	}
	c.logs("trigger=\"POST /-/reload\"")
	c.signal(syscall.SIGHUP) // another request
	c.signal(syscall.SIGTERM)
	start := time.Now()
	if code := c.exits(); code != exitOK {
		t.Errorf("exit status %d, want 0", code)
	}
	if took := time.Since(start); took > 30*time.Second { // five on a quiet machine
		t.Errorf("the program ended after %s", took)
	}
	answered.Wait()
}
