package daemon

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/net/http2"
)

// TestPprof holds that profiles are served on an address of their own, and nowhere else.
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

// logWatch is a log that a test reads while it is written.
type logWatch struct {
	mu    sync.Mutex
	text  strings.Builder
	wrote chan struct{} // closed by the next Write; nil if nothing waits for it
}

func (l *logWatch) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wrote != nil {
		close(l.wrote)
		l.wrote = nil
	}
	return l.text.Write(p)
}

// next returns the log and a channel that is closed when more is written.
func (l *logWatch) next() (text string, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wrote == nil {
		l.wrote = make(chan struct{})
	}
	return l.text.String(), l.wrote
}

func (l *logWatch) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// after returns what follows text in the log, once it is there.
func (l *logWatch) after(t *testing.T, text string) string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		log, more := l.next()
		if _, rest, found := strings.Cut(log, text); found {
			return rest
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("no %q in the log:\n%s", text, log)
		}
	}
}

func TestServe(t *testing.T) {
	d := still(t)
	log := &logWatch{}
	d.log = slog.New(slog.NewTextHandler(log, nil))
	no, empty := false, ""
	flags := &toolkit.FlagConfig{
		WebListenAddresses: &[]string{"127.0.0.1:0"}, WebSystemdSocket: &no,
		WebConfigFile: &empty,
	}
	hangup := make(chan os.Signal, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.Serve(ctx, ServeOptions{Web: flags, MaxConnections: 8, Hangup: hangup}) }()
	address, _, _ := strings.Cut(log.after(t, "address="), "\n")
	hangup <- syscall.SIGHUP
	log.after(t, "trigger=SIGHUP")
	if code, _, body := request(t, http.DefaultClient, http.MethodGet, "http://"+address+"/-/ready",
		nil); code != http.StatusOK {
		t.Errorf("/-/ready = %d %s", code, body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stopped with %v, want no error", err)
	}
	log.after(t, "stopped, every probe has ended")

	taken := &toolkit.FlagConfig{
		WebListenAddresses: &[]string{"192.0.2.1:1"}, WebSystemdSocket: &no,
		WebConfigFile: &empty,
	}
	if err := still(t).Serve(t.Context(), ServeOptions{Web: taken, MaxConnections: 8}); err == nil ||
		!strings.Contains(err.Error(), "listen") {
		t.Errorf("an address of another host: error %v", err)
	}
}

// TestHTTP2IsLimited: a connection may not have many requests at a time, nor large frames.
func TestHTTP2IsLimited(t *testing.T) {
	dir := t.TempDir()
	roots := writeTLSFiles(t, dir)
	file, no := filepath.Join(dir, "web.yml"), false
	text := "tls_server_config: { cert_file: cert.pem, key_file: key.pem }\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := still(t)
	logged := &logWatch{}
	d.log = slog.New(slog.NewTextHandler(logged, nil))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- d.Serve(ctx, ServeOptions{MaxConnections: 8, Web: &toolkit.FlagConfig{
			WebListenAddresses: &[]string{"127.0.0.1:0"}, WebSystemdSocket: &no, WebConfigFile: &file,
		}})
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	address, _, _ := strings.Cut(logged.after(t, "address="), "\n")
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	frame, err := framer.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings, ok := frame.(*http2.SettingsFrame)
	if !ok {
		t.Fatalf("the first frame is %v, want settings", frame)
	}
	for id, want := range map[http2.SettingID]uint32{
		http2.SettingMaxConcurrentStreams: maxStreams, http2.SettingMaxFrameSize: maxFrame,
	} {
		if got, _ := settings.Value(id); got != want {
			t.Errorf("%s is %d, want %d", id, got, want)
		}
	}
}
