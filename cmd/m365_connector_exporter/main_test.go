package main

import (
	"net"
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
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			_, port, _ := net.SplitHostPort(l.Addr().String())
			env.Setenv("FREE_PORT", port)
			return l.Close()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"issue": issue},
	})
}

func TestRoutePrefix(t *testing.T) {
	tests := []struct{ flag, external, want, err string }{
		{"", "", "", ""},
		{"/", "https://mon.example/exporter/", "", ""},
		{"", "https://mon.example/exporter/", "/exporter", ""},
		{"m365", "", "/m365", ""},
		{"/a/b/", "", "/a/b", ""},
		{"/{x}", "", "", `"{x}" is not a plain path`},
	}
	for _, test := range tests {
		got, err := routePrefix(test.flag, test.external)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
			t.Errorf("routePrefix(%q, %q) = %q, %v; want %q, %q", test.flag, test.external, got, err, test.want, test.err)
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
