package text_test

import (
	"slices"
	"testing"
	"time"

	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

func TestLifetime(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		from, to time.Duration // from noon
		want     string
	}{
		{-30 * day, 61 * day, "61 days left of 91 days"},
		{-90 * day, time.Hour, "60 min left of 90 days"},
		{-90 * day, -3 * day, "expired 3 days ago"},
		{2 * day, 90 * day, "valid in 2 days"},
	} {
		if got := text.Lifetime(noon.Add(c.from), noon.Add(c.to), noon); got != c.want {
			t.Errorf("from %v to %v: got %q, want %q", c.from, c.to, got, c.want)
		}
	}
	if got := text.Lifetime(noon, noon.Add(day), time.Time{}); got != "" {
		t.Errorf("at an unknown time: got %q, want nothing", got)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 119 * time.Second: "119 s", 2 * time.Minute: "2 min", 47 * time.Hour: "47 h",
		48 * time.Hour: "2 days",
	} {
		if got := text.Span(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestFirst(t *testing.T) {
	first, more := text.First([]string{"a", "b", "c"}, 2)
	if !slices.Equal(first, []string{"a", "b"}) || more != 1 {
		t.Errorf("got %q and %d more, want a, b and 1 more", first, more)
	}
	if got, want := text.List([]string{"a", "b", "c"}, 2), "a, b and 1 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, more := text.First(nil, 2); more != 0 {
		t.Errorf("of no items: got %d more", more)
	}
}

func TestDetail(t *testing.T) {
	reply := probes.Reply{Code: 550, Enhanced: "5.1.1", Text: "<anna@contoso.com> unknown"}
	for _, c := range []struct {
		step probes.Step
		want string
	}{
		{probes.Step{Reply: reply, Detail: "RCPT TO"}, "550 5.1.1 <a***@contoso.com> unknown"},
		{probes.Step{Detail: "RCPT TO:<anna@contoso.com>"}, "RCPT TO:<a***@contoso.com>"},
	} {
		if got := text.Detail(c.step); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
