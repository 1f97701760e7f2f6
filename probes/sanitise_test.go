package probes_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"m365_connector_exporter/probes"
)

func TestSanitise(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"", 3, ""},
		{"250 ok", 10, "250 ok"},
		{"Zürich 日本", 20, "Zürich 日本"},
		{"a\r\n\tb", 40, `a\u000d\u000a\u0009b`},
		{"\x1b[31mred\x07", 40, `\u001b[31mred\u0007`},
		{"\u009b2J\u202e\u200b", 40, `\u009b2J\u202e\u200b`},
		{"no\xffutf\xc3", 40, `no\xffutf\xc3`},
		{"tag \U000e0041", 40, `tag \U000e0041`},
		{"a\u00a0b", 40, `a\u00a0b`},
		{"exactly10!", 10, "exactly10!"},
		{"one over 10", 10, "one ove…"},
		{"日本日本", 10, "日本…"},
		{"日本日", 9, "日本日"},
		{"ab\x00\x00", 10, "ab…"},
		{"ab\x00\x00", 14, `ab\u0000\u0000`},
		{strings.Repeat("x", 1000), 3, "…"},
	} {
		if got := probes.Sanitise(c.in, c.most); got != c.want {
			t.Errorf("Sanitise(%q, %d) = %q, want %q", c.in, c.most, got, c.want)
		}
	}
}

func FuzzSanitise(f *testing.F) {
	long := strings.Repeat("é\x00", 300)
	for _, s := range []string{"", "plain", "\x1b]0;title\x07", "\xff\xfe", "日本\u202e", long} {
		f.Add(s, 16)
	}
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = max(most, 3)
		got := probes.Sanitise(s, most)
		if len(got) > most || !utf8.ValidString(got) || strings.ContainsFunc(got, unprintable) {
			t.Errorf("Sanitise(%q, %d) = %q", s, most, got)
		}
		if again := probes.Sanitise(got, most); again != got {
			t.Errorf("%q becomes %q the second time", got, again)
		}
		unchanged := len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unprintable)
		if unchanged != (got == s) {
			t.Errorf("Sanitise(%q, %d) = %q", s, most, got)
		}
	})
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
