package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// endAt ends the program when it has said something.
type endAt struct {
	what string
	end  context.CancelFunc
}

// Write looks for it.
func (e endAt) Write(said []byte) (int, error) {
	if strings.Contains(string(said), e.what) {
		e.end()
	}
	return len(said), nil
}

// TestDemoCommand starts the demo, and ends it once its listener is up.
func TestDemoCommand(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if code := run(ctx, hangups{}, []string{"demo", "--web.listen-address=127.0.0.1:0"}, io.Discard,
		endAt{"Listening on", cancel}); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// An address that the demo cannot listen on is an error before it claims to run.
func TestDemoOnAnUnusableAddress(t *testing.T) {
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	for address, want := range map[string]string{
		listener.Addr().String(): "choose another address, for example",
		"nonsense":               "--web.listen-address: ",
	} {
		var out, errors strings.Builder
		code := run(t.Context(), hangups{}, []string{"demo", "--web.listen-address=" + address}, &out, &errors)
		if code != exitUsage || out.Len() > 0 || !strings.Contains(errors.String(), want) {
			t.Errorf("%s: exit code %d, output %q, errors %q", address, code, out.String(), errors.String())
		}
	}
}

// TestWelcome holds that demo prints a command which works, even after "go run", which installs no program.
func TestWelcome(t *testing.T) {
	listen := "127.0.0.1:1"
	_, command, ok := strings.Cut(demoCommand{listen: &listen}.welcome("config.yaml"), "One tenant, now  ")
	if path, _, _ := strings.Cut(command, " "); !ok || !filepath.IsAbs(path) {
		t.Errorf("no command with its path in %q", command)
	} else if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
