package mtasts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes/mtasts"
)

const day = 24 * time.Hour

func TestParsePolicy(t *testing.T) {
	for name, row := range map[string]struct {
		text string
		want *mtasts.Policy
	}{
		"example of RFC 8461, section 3.2": {
			"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\n" +
				"max_age: 604800\r\n",
			&mtasts.Policy{
				Mode: "enforce", MX: []string{"mail.example.com", "*.example.net", "backupmx.example.com"}, MaxAge: 7 * day,
			},
		},
		"of Exchange Online's domains": {
			"version: STSv1\nmode: testing\nmx: *.mail.protection.outlook.com\nmax_age: 604800",
			&mtasts.Policy{Mode: "testing", MX: []string{"*.mail.protection.outlook.com"}, MaxAge: 7 * day},
		},
		"none without mx": {"version: STSv1\nmode: none\nmax_age: 86400", &mtasts.Policy{Mode: "none", MaxAge: day}},
		"no spaces, empty lines": {
			"\nversion:STSv1\n\nmode:none\nmax_age:86400\n", &mtasts.Policy{Mode: "none", MaxAge: day},
		},
		"unknown and second keys": {
			"version: STSv1\nmode: none\nmode: enforce\nx: y\nmax_age: 86400", &mtasts.Policy{Mode: "none", MaxAge: day},
		},
		"a long max_age": {
			"version: STSv1\nmode: none\nmax_age: 4000000000", &mtasts.Policy{Mode: "none", MaxAge: 31_557_600 * time.Second},
		},
		"capitals": {
			"version: STSv1\nmode: enforce\nmx: MX.Example.COM\nmax_age: 86400",
			&mtasts.Policy{Mode: "enforce", MX: []string{"mx.example.com"}, MaxAge: day},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mtasts.ParsePolicy([]byte(row.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("policy (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	for name, row := range map[string]struct{ text, want string }{
		"nothing":                  {"", `version ""`},
		"HTML":                     {"<html>", `line "<html>", want KEY: VALUE`},
		"another version":          {"version: STSv2\nmode: none\nmax_age: 1", `version "STSv2", want STSv1`},
		"another mode":             {"version: STSv1\nmode: Enforce\nmax_age: 1", `mode "Enforce"`},
		"no max_age":               {"version: STSv1\nmode: none", `max_age ""`},
		"a negative max_age":       {"version: STSv1\nmode: none\nmax_age: -1", `max_age "-1", want seconds`},
		"no mx":                    {"version: STSv1\nmode: enforce\nmax_age: 1", "lists no mx"},
		"an mx that is no name":    {"version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1", `mx "a b"`},
		"a wildcard in the middle": {"version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1", `mx "a.*.example"`},
		"a wildcard alone":         {"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1", `mx "*"`},
		"very many mx": {
			"version: STSv1\nmode: enforce\nmax_age: 1\n" + strings.Repeat("mx: a.b\n", 1001), "lists 1001 mx; at most 1000",
		},
		"too long": {strings.Repeat("mx: a.example\n", 10_000), "more than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := mtasts.ParsePolicy([]byte(row.text)); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q in it", err, row.want)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	p := mtasts.Policy{MX: []string{"mail.example.com", "*.example.net"}}
	for host, want := range map[string]bool{
		"mail.example.com": true, "MAIL.example.com.": true, "a.mail.example.com": false, "example.com": false,
		"mx.example.net": true, "a.mx.example.net": false, "example.net": false, "": false, ".example.net": true,
	} {
		if got := p.Matches(host); got != want {
			t.Errorf("Matches(%q) = %v, want %v", host, got, want)
		}
	}
}

func TestParseRecord(t *testing.T) {
	for name, row := range map[string]struct {
		records []string
		id      string
		found   bool
		problem string
	}{
		"a record":                {[]string{"v=STSv1; id=20260401T010101;"}, "20260401T010101", true, ""},
		"without spaces":          {[]string{"v=STSv1;id=1"}, "1", true, ""},
		"beside others":           {[]string{"google-site-verification=x", "v=STSv1; id=1;"}, "1", true, ""},
		"more fields":             {[]string{"v=STSv1; x=y; id=1; z=2"}, "1", true, ""},
		"none":                    {nil, "", false, ""},
		"a record of another use": {[]string{"v=spf1 -all", "v=STSv10; id=1"}, "", false, ""},
		"two records":             {[]string{"v=STSv1; id=1", "v=STSv1; id=2"}, "", true, "several records"},
		"no id":                   {[]string{"v=STSv1;"}, "", true, "has no id"},
		"a bad id":                {[]string{"v=STSv1; id=a-b"}, "", true, `id "a-b", want up to 32 letters and digits`},
		"a long id":               {[]string{"v=STSv1; id=" + strings.Repeat("1", 33)}, "", true, "want up to 32"},
	} {
		t.Run(name, func(t *testing.T) {
			id, found, err := mtasts.ParseRecord(row.records)
			if id != row.id || found != row.found {
				t.Errorf("ParseRecord = %q, %v; want %q, %v", id, found, row.id, row.found)
			}
			if (err != nil) != (row.problem != "") || err != nil && !strings.Contains(err.Error(), row.problem) {
				t.Errorf("error %v, want %q", err, row.problem)
			}
		})
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add("version: STSv1\r\nmode: enforce\r\nmx: *.example.net\r\nmax_age: 604800\r\n", "mx.example.net")
	f.Fuzz(func(t *testing.T, text, host string) {
		p, err := mtasts.ParsePolicy([]byte(text))
		if err != nil {
			return
		}
		if p.MaxAge < 0 || p.Mode != mtasts.None && len(p.MX) == 0 {
			t.Errorf("policy %+v", p)
		}
		_ = p.Matches(host)
	})
}
