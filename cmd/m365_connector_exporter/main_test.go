package main

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){program: main})
}

// TestCommands runs the scripts in testdata/script against the program: what people type, and what they are told.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
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
		{"/{x}", "", "", `"{x}" is no plain path`},
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
		"127.0.0.1:10587": true, "[::1]:10587": true, "localhost:1": true, ":10587": false, "0.0.0.0:1": false, "10.0.0.1:1": false, "x": false,
	} {
		if got := isLoopback(listen); got != want {
			t.Errorf("isLoopback(%q) = %t", listen, got)
		}
	}
}

func TestPick(t *testing.T) {
	path := func(connector, hop, notProbed, notProbeable string) probes.Path {
		return probes.Path{
			ID:        probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: connector, Path: hop},
			NotProbed: notProbed, NotProbeable: notProbeable,
		}
	}
	all := []probes.Path{
		path("A", "a", "", ""), path("Off", "b", "the connector is disabled", ""), path("Wide", "c", "", "the range has more than 16 addresses"),
		path("HQ / DR", "d", "the connector is disabled", ""),
	}
	const wide = "contoso/outbound/Wide/c cannot be probed: the range has more than 16 addresses"
	tests := []struct {
		targets []string
		want    int
		left    string
		err     string
	}{
		{nil, 1, "", ""},
		{[]string{"contoso/Off"}, 1, "", ""},
		{[]string{"contoso/A", "contoso/outbound/A/a"}, 1, "", ""},
		{[]string{"contoso"}, 3, wide, ""},
		{[]string{"contoso/outbound", "contoso"}, 3, wide, ""},
		{[]string{"contoso/Wide"}, 0, "", wide},
		{[]string{"contoso", "contoso/Wide"}, 0, "", wide},
		{[]string{"fabrikam"}, 0, "", `"fabrikam": no such tenant, connector or path; there is contoso`},
		{[]string{"contoso/HQ / DR"}, 0, "", `"contoso/HQ / DR": no such tenant, connector or path; there is contoso/outbound/A, contoso/outbound/HQ%20%2F%20DR, contoso/outbound/Off, contoso/outbound/Wide`},
	}
	for _, test := range tests {
		got, left, err := pick(test.targets, all)
		if len(got) != test.want || strings.Join(left, "\n") != test.left || (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
			t.Errorf("pick(%q) = %v, %q, %v; want %d, %q, %q", test.targets, got, left, err, test.want, test.left, test.err)
		}
	}
}
