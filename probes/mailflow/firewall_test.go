package mailflow_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"m365_connector_exporter/probes/mailflow"
)

// published is a file of the endpoints service, shortened.
const published = `[{"id":1,"serviceArea":"Exchange","urls":["outlook.office.com"],"ips":["13.107.6.152/31"],
	"tcpPorts":"80,443","category":"Optimize","required":true},
	{"id":10,"serviceArea":"Exchange","urls":["*.mail.protection.outlook.com","*.mx.microsoft"],
	"ips":["40.92.0.0/15","52.100.0.0/14","2a01:111:f400::/48"],"tcpPorts":"25","required":true},
	{"id":31,"serviceArea":"SharePoint","ips":["13.107.136.0/22"],"tcpPorts":"25"}]`

func TestParseEndpoints(t *testing.T) {
	got, err := mailflow.ParseEndpoints([]byte(published))
	if fmt.Sprint(got) != "[40.92.0.0/15 52.100.0.0/14 2a01:111:f400::/48]" || err != nil {
		t.Error(got, err)
	}
	for text, want := range map[string]string{
		"<html>": "not a list of endpoints",
		"{}":     "not a list of endpoints",
		"[]":     "no entry of serviceArea Exchange",
		`[{"serviceArea":"Exchange","tcpPorts":"25","ips":["40.92.0.0"]}]`: "entry 1: an address range",
		`[{"serviceArea":"Exchange","tcpPorts":"25","ips":[` + strings.Repeat(`"40.92.0.0/15",`, 1000) +
			`"40.92.0.0/15"]}]`: "more than 1000 address ranges",
	} {
		if _, err := mailflow.ParseEndpoints([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		}
	}
}

func TestNotAllowed(t *testing.T) {
	ranges, err := mailflow.ParseEndpoints([]byte(published))
	if err != nil {
		t.Fatal(err)
	}
	const v6, rest = "2a01:111:f400::/48", "52.100.0.0/14 2a01:111:f400::/48"
	for name, c := range map[string]struct{ list, want string }{
		"networks":            {"40.92.0.0/15\n52.100.0.0/14, " + v6, ""},
		"wider ones":          {"0.0.0.0/0 ::/0", ""},
		"no IPv6":             {"40.92.0.0/15\r\n52.100.0.0/14 # " + v6, v6},
		"two halves":          {"40.93.0.0/16;40.92.0.0/16", rest},
		"overlapping":         {"40.92.0.0/16 40.92.0.0/24 40.92.128.0-40.93.255.255", rest},
		"a part":              {"40.92.0.0/16", "40.92.0.0/15 (partly) " + rest},
		"a gap":               {"40.92.0.0/17 40.93.0.0/16", "40.92.0.0/15 (partly) " + rest},
		"a mask":              {"permit tcp 40.92.0.0 255.254.0.0 host 192.0.2.25 eq 25", rest},
		"an inverse mask":     {"access-list 101 permit tcp 40.92.0.0 0.1.255.255 any eq smtp", rest},
		"an address":          {"40.92.0.1", "40.92.0.0/15 (partly) " + rest},
		"a list in JSON":      {`{"allow":["40.92.0.0/15","52.100.0.0/14"]}`, v6},
		"host bits":           {"40.92.7.7/15", rest},
		"an IPv4-mapped one":  {"::ffff:40.92.0.0/111", rest},
		"two addresses":       {"40.92.0.1 40.92.0.2", "40.92.0.0/15 (partly) " + rest},
		"of another provider": {"192.0.2.0/24", "40.92.0.0/15 " + rest},
	} {
		allowed, err := mailflow.ParseAllowed([]byte(c.list))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, u := range mailflow.NotAllowed(ranges, allowed.Ranges) {
			got = append(got, u.Range.String())
			if u.Partly {
				got = append(got, "(partly)")
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if _, err := mailflow.ParseAllowed([]byte("permit any # 40.92.0.0/15")); err == nil {
		t.Error("a list without addresses has no error")
	}
	if _, err := mailflow.ParseAllowed([]byte(strings.Repeat("192.0.2.1 ", 100_001))); err == nil {
		t.Error("a list that is too long has no error")
	}
}

// TestSkippedLines: a line with words and no address is counted; an empty one, a comment and brackets are not.
func TestSkippedLines(t *testing.T) {
	for text, want := range map[string]string{
		"# office\n\n{ [\n192.0.2.1 any\n": "",
		"192.0.2.1\r\nany # 192.0.2.1\r\n": "line 2 has no address, network or range, and is skipped",
		"192.0.2.300\n192.0.2.1\nany\nany": "3 lines have no address, network or range, and are skipped; the first is " +
			"line 1",
	} {
		list, err := mailflow.ParseAllowed([]byte(text))
		if got := list.Warning(); err != nil || len(list.Ranges) != 1 || got != want {
			t.Errorf("%q: %v, %q, %v; want one range, %q", text, list.Ranges, got, err, want)
		}
	}
}

// FuzzAllowed: no list may panic, and no range may be invalid.
func FuzzAllowed(f *testing.F) {
	f.Add("permit tcp 40.92.0.0 0.1.255.255 any", published)
	f.Add("40.92.0.0/15 # x\n2a01:111:f400::/48", "[]")
	f.Fuzz(func(t *testing.T, list, endpoints string) {
		allowed, err := mailflow.ParseAllowed([]byte(list))
		if err != nil {
			return
		}
		for _, r := range allowed.Ranges {
			if !r.First.IsValid() || r.Last.Less(r.First) {
				t.Errorf("%q: %v", list, r)
			}
		}
		ranges, err := mailflow.ParseEndpoints([]byte(endpoints))
		if err != nil {
			ranges = []netip.Prefix{netip.MustParsePrefix("40.92.0.0/15")}
		}
		if n := len(mailflow.NotAllowed(ranges, allowed.Ranges)); n > len(ranges) {
			t.Errorf("%d of %d are missing", n, len(ranges))
		}
	})
}
