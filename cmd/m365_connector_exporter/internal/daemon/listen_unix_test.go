//go:build unix

package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// TestWebConfigSwappedForAPipe: the toolkit reads the web configuration and its files at each request and each
// handshake. While one of them is a FIFO, requests fail at once instead of waiting for ever.
func TestWebConfigSwappedForAPipe(t *testing.T) {
	for _, c := range []struct{ scheme, text, swapped string }{
		{"http", "http_server_config: { headers: { X-Frame-Options: deny } }\n", "web.yml"},
		{"https", "tls_server_config: { cert_file: cert.pem, key_file: key.pem }\n", "web.yml"},
		{"https", "tls_server_config: { cert_file: cert.pem, key_file: key.pem }\n", "cert.pem"},
		{"https", "tls_server_config: { cert_file: cert.pem, key_file: key.pem }\n", "key.pem"},
	} {
		t.Run(c.scheme+" "+c.swapped, func(t *testing.T) {
			dir := t.TempDir()
			writeTLSFiles(t, dir)
			if err := os.WriteFile(filepath.Join(dir, "web.yml"), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			log := &logWatch{}
			url := c.scheme + "://" + serveGuarded(t, filepath.Join(dir, "web.yml"), log)
			file, saved := filepath.Join(dir, c.swapped), filepath.Join(dir, "saved")
			transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			kept := &http.Client{Transport: transport, Timeout: 5 * time.Second} // keeps its connection
			defer transport.CloseIdleConnections()
			if err := requestOnce(kept, url); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(file, saved); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(file, 0o600); err != nil {
				t.Skip(err)
			}
			start := time.Now()
			if err := requestOnce(kept, url); err == nil || time.Since(start) >= kept.Timeout {
				t.Errorf("a request on the same connection: %v after %v; want an error at once", err, time.Since(start))
			}
			fresh := &http.Client{Transport: transport.Clone(), Timeout: kept.Timeout}
			defer fresh.CloseIdleConnections()
			start = time.Now()
			if err := requestOnce(fresh, url); err == nil || time.Since(start) >= kept.Timeout {
				t.Errorf("a request on a new connection: %v after %v; want an error at once", err, time.Since(start))
			}
			if want := "not a regular file"; !strings.Contains(log.String(), want) {
				t.Errorf("no %q in the log: %s", want, log)
			}
			if err := os.Rename(saved, file); err != nil {
				t.Fatal(err)
			}
			if err := requestOnce(fresh, url); err != nil {
				t.Errorf("after the file is back: %v", err)
			}
		})
	}
}

// serveGuarded serves one word, and returns the address.
func serveGuarded(t *testing.T, webConfig string, log *logWatch) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(log, nil))
	no := false
	flags := &toolkit.FlagConfig{WebConfigFile: &webConfig, WebSystemdSocket: &no, WebListenAddresses: &[]string{""}}
	server := &http.Server{Handler: answer("ok"), ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelError)}
	done := make(chan error, 1)
	files := &webFiles{file: webConfig, log: logger}
	go func() {
		done <- toolkit.ServeMultiple([]net.Listener{guardedListener{l, files}}, server, flags, logger)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// requestOnce sends one request and reads the response.
func requestOnce(client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// TestListenErrors: with a web configuration, listeners that cannot be opened are errors too.
func TestListenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(file, []byte("basic_auth_users: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		addresses []string
		systemd   bool
		want      string
	}{
		{[]string{"127.0.0.1:0", "192.0.2.1:1"}, false, "192.0.2.1:1"}, // of another host
		{[]string{"vsock://:x"}, false, "vsock://:x"},
		{[]string{"vsock://:99999999999"}, false, "not a number"},
		{nil, true, "--web.systemd-socket: systemd has passed no socket"},
	} {
		flags := &toolkit.FlagConfig{WebConfigFile: &file, WebListenAddresses: &c.addresses, WebSystemdSocket: &c.systemd}
		err := listenAndServe(&http.Server{}, flags, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want an error with %q", c.addresses, err, c.want)
		}
	}
}
