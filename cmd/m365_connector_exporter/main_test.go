package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){program: main})
}

// TestCommands runs the scripts in testdata/script. Their environment has a port on which nothing listens.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("FREE_PORT", strconv.Itoa(freePort(t)))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "expand": expand, "issue": issue},
	})
}

// exits is the command of scripts "exits STATUS PROGRAM ARGUMENTS": it runs a program that ends with the exit status.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err, status := ts.Exec(args[1], args[2:]...), 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err, status = nil, exit.ExitCode()
	}
	ts.Check(err)
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("exit status %d, want %s", status, args[0])
	}
}

// expand is the command of scripts "expand FILE...": it replaces $FREE_PORT by the value of the variable.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		text := strings.ReplaceAll(ts.ReadFile(file), "$FREE_PORT", ts.Getenv("FREE_PORT"))
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

// freePort returns a port on which nothing listens. It is below those that systems give to connections and to
// listeners that name none, so no other test takes it in the meantime.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10240 + rand.IntN(20_000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func TestRoutePrefix(t *testing.T) {
	for _, c := range []struct{ flag, external, want string }{
		{"", "", ""},
		{"/", "https://mon.example/exporter/", ""},
		{"", "https://mon.example/exporter/", "/exporter"},
		{"", "/exporter", "/exporter"},
		{"m365", "", "/m365"},
		{"/a/b/", "", "/a/b"},
	} {
		if got := routePrefix(c.flag, c.external); got != c.want {
			t.Errorf("routePrefix(%q, %q) = %q; want %q", c.flag, c.external, got, c.want)
		}
	}
}

func TestCheckExternalURL(t *testing.T) {
	for external, good := range map[string]bool{
		"": true, "https://mon.example": true, "http://mon.example:10587/m365/": true, "/m365": true,
		"mon.example": false, "mon.example:10587/m365": false, "ftp://mon.example": false, "https://": false,
		"https://mon.example/{x}": false, "https://mon.example/%zz": false, "/%zz": false,
	} {
		if err := checkExternalURL(external); (err == nil) != good {
			t.Errorf("checkExternalURL(%q) = %v", external, err)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for listen, want := range map[string]bool{
		"127.0.0.1:10587": true, "[::1]:10587": true, "localhost:1": true, ":10587": false, "0.0.0.0:1": false,
		"10.0.0.1:1": false, "x": false,
	} {
		if got := isLoopback(listen); got != want {
			t.Errorf("isLoopback(%q) = %t", listen, got)
		}
	}
}
