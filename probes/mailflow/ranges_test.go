package mailflow

import (
	"net/netip"
	"testing"
)

func TestParseRange(t *testing.T) {
	for text, want := range map[string]struct {
		text  string
		fault RangeProblem
	}{
		"192.0.2.1":                 {"192.0.2.1", ""},
		" 192.0.2.1 ":               {"192.0.2.1", ""},
		"192.0.2.1/32":              {"192.0.2.1", ""},
		"192.0.2.0/24":              {"192.0.2.0/24", ""},
		"192.0.2.77/25":             {"192.0.2.0/25", ""},
		"192.0.2.255/25":            {"192.0.2.128/25", ""},
		"192.0.2.4-192.0.2.7":       {"192.0.2.4/30", ""},
		"192.0.2.4 - 192.0.2.8":     {"192.0.2.4-192.0.2.8", ""},
		"192.0.2.200-192.0.3.10":    {"192.0.2.200-192.0.3.10", ""},
		"::ffff:192.0.2.1":          {"192.0.2.1", ""},
		"::ffff:192.0.2.0/120":      {"192.0.2.0/24", ""},
		"192.0.2.0/23":              {"192.0.2.0/23", RangeTooWide},
		"192.0.2.0-192.0.3.0":       {"192.0.2.0-192.0.3.0", RangeTooWide},
		"0.0.0.0/0":                 {"0.0.0.0/0", RangeTooWide},
		"2001:db8::1":               {"2001:db8::1", RangeIPv6},
		"2001:db8::/64":             {"2001:db8::/64", RangeIPv6},
		"fe80::1%eth0":              {"fe80::1", RangeIPv6},
		"2001:db8::1-2001:db8::2":   {"2001:db8::1-2001:db8::2", RangeIPv6},
		"192.0.2.7-192.0.2.4":       {"", RangeUnreadable},
		"192.0.2.7-2001:db8::1":     {"", RangeUnreadable},
		"192.0.2.7/33":              {"", RangeUnreadable},
		"192.0.2.7-":                {"", RangeUnreadable},
		"-":                         {"", RangeUnreadable},
		"":                          {"", RangeUnreadable},
		"mail.contoso.com":          {"", RangeUnreadable},
		"192.0.2.1,192.0.2.2":       {"", RangeUnreadable},
		"192.0.2.1/24-192.0.2.1/24": {"", RangeUnreadable},
	} {
		r, fault := ParseRange(text)
		got := r.String()
		if r == (Range{}) {
			got = ""
		}
		if got != want.text || fault != want.fault {
			t.Errorf("ParseRange(%q) = %q, %q; want %q, %q", text, got, fault, want.text, want.fault)
		}
	}
}

func TestRange(t *testing.T) {
	r, _ := ParseRange("192.0.2.128/25")
	for text, want := range map[string]bool{
		"192.0.2.128": true, "192.0.2.255": true, "::ffff:192.0.2.200": true, "192.0.2.127": false, "192.0.3.0": false,
		"2001:db8::1": false,
	} {
		if got := r.Contains(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s contains %s: %t", r, text, got)
		}
	}
	if r.Contains(netip.Addr{}) {
		t.Error("contains no address at all")
	}
	for text, want := range map[string]bool{
		"192.0.2.0/24": true, "192.0.2.255-192.0.3.1": true, "192.0.2.0-192.0.2.128": true, "192.0.2.0/25": false,
		"192.0.3.0/24": false, "::/0": false,
	} {
		other, _ := ParseRange(text)
		if r.Overlaps(other) != want || other.Overlaps(r) != want {
			t.Errorf("%s overlaps %s: not %t both ways", r, text, want)
		}
	}
	if (Range{}).Overlaps(Range{}) {
		t.Error("nothing overlaps nothing")
	}
}

func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{
		"192.0.2.1", "192.0.2.1/25", "192.0.2.4-192.0.2.8", "::/0", "::ffff:0.0.0.0/90",
		"fe80::1%a-fe80::2%b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, fault := ParseRange(text)
		if fault == RangeUnreadable {
			return
		}
		if !r.Contains(r.First) || !r.Contains(r.Last) || !r.Overlaps(r) {
			t.Errorf("%q: %v does not hold its own ends", text, r)
		}
		if again, other := ParseRange(r.String()); again != r || other != fault {
			t.Errorf("%q: %s becomes %v, %q", text, r, again, other)
		}
	})
}
