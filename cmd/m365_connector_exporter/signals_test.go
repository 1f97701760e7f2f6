//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// child is this program as a process of its own; TestMain has put it on the PATH.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr *os.File
	lines  *bufio.Scanner
}

func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.CommandContext(t.Context(), program, args...), stderr: r, lines: bufio.NewScanner(r)}
	c.cmd.Stderr = w
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	t.Cleanup(func() { _ = r.Close() })
	return c
}

// logs returns the next line on stderr that contains text.
func (c *child) logs(text string) string {
	c.t.Helper()
	var seen strings.Builder
	for c.lines.Scan() {
		if strings.Contains(c.lines.Text(), text) {
			return c.lines.Text()
		}
		fmt.Fprintln(&seen, c.lines.Text())
	}
	c.t.Fatalf("the process ended without logging %q (%v):\n%s", text, c.cmd.Wait(), seen.String())
	return ""
}

func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// exits drains stderr and returns how the process ends; -1 where a signal kills it.
func (c *child) exits() int {
	c.t.Helper()
	_, _ = io.Copy(io.Discard, c.stderr) // it may be closed
	_ = c.cmd.Wait()                     // the status says what happened
	return c.cmd.ProcessState.ExitCode()
}

// slowToLoad writes a configuration that takes about a second to read and to analyse.
func slowToLoad(t *testing.T) (file string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("tenants:\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "- name: t%d\n  outbound_connectors:\n"+
			"  - {name: c, connector_type: OnPremises, enabled: false, smart_hosts: [h%d.invalid]}\n", i, i)
	}
	file = filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestHangupDuringStartReloadsAfterwards(t *testing.T) {
	c := startChild(t, "--web.listen-address=127.0.0.1:0", "--config.file="+slowToLoad(t))
	c.logs("starting " + program)
	c.signal(syscall.SIGHUP)
	c.logs("configuration loaded")
	c.logs("trigger=SIGHUP")
	c.signal(syscall.SIGTERM)
	if code := c.exits(); code != exitOK {
		t.Errorf("exit status %d, want 0", code)
	}
}

func TestTerminateDuringStart(t *testing.T) {
	c := startChild(t, "--web.listen-address=127.0.0.1:0", "--config.file="+slowToLoad(t))
	c.logs("starting " + program)
	c.signal(syscall.SIGTERM)
	if code := c.exits(); code != exitOK {
		t.Errorf("exit status %d, want 0", code)
	}
}

func TestDaemonOutlivesTheReaderOfItsLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("tenants: [{name: contoso}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, "--web.listen-address=127.0.0.1:0", "--config.file="+file)
	address := regexp.MustCompile(`address=(127\.\S+)`).FindStringSubmatch(c.logs("Listening on"))
	if err := c.stderr.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // each logs
		response, err := http.Post("http://"+address[1]+"/-/reload", "", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("POST /-/reload = %s", response.Status)
		}
	}
	c.signal(syscall.SIGTERM)
	if code := c.exits(); code != exitOK {
		t.Errorf("exit status %d, want 0", code)
	}
}

// TestInterruptedValidate ends a validation while the server does not respond.
func TestInterruptedValidate(t *testing.T) {
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	file := filepath.Join(t.TempDir(), "config.yaml")
	_, port, _ := net.SplitHostPort(silent.Addr().String())
	text := "global: {allow_networks: [127.0.0.0/8]}\nprobe: {port: " + port +
		", timeout: 2m, connect_to: [127.0.0.1], interval: 5m}\n" +
		"tenants:\n- name: contoso\n  outbound_connectors:\n" +
		"  - {name: c, connector_type: OnPremises, smart_hosts: [mail.contoso.com]}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		c := startChild(t, "validate", "--config.file="+file)
		conn, err := silent.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.signal(s)
		if code := c.exits(); code != exitInconclusive {
			t.Errorf("%s: exit status %d, want %d", s, code, exitInconclusive)
		}
		_ = conn.Close()
	}
}

func TestInterruptedDemoRemovesItsFolder(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	c := startChild(t, "demo", "--web.listen-address=127.0.0.1:0")
	c.logs("Listening on")
	c.signal(os.Interrupt)
	if code := c.exits(); code != exitOK {
		t.Errorf("exit status %d, want 0", code)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestCommandThatIgnoresItsContextIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangup := make(chan os.Signal, 1)
		var complaint strings.Builder
		ended := make(chan struct{})
		defer close(ended)
		start := time.Now()
		time.AfterFunc(time.Minute, func() { hangup <- syscall.SIGHUP })
		status := once(t.Context(), streams{err: &complaint, hangup: hangups{signals: hangup}}, func(context.Context) int {
			<-ended
			return exitOK
		})
		if status != exitInconclusive || time.Since(start) != time.Minute+interruptGrace ||
			!strings.Contains(complaint.String(), "interrupted") {
			t.Errorf("exit status %d after %s, %q", status, time.Since(start), complaint.String())
		}
	})
}

func TestHangupIgnoredByNohupDoesNotEndACommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangup := make(chan os.Signal, 1)
		hangup <- syscall.SIGHUP
		status := once(t.Context(), streams{hangup: hangups{signals: hangup, ignored: true}}, func(ctx context.Context) int {
			time.Sleep(time.Minute)
			if ctx.Err() != nil {
				return exitInconclusive
			}
			return exitOK
		})
		if status != exitOK {
			t.Errorf("exit status %d, want 0", status)
		}
	})
}
