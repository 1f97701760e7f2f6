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
