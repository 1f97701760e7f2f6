package probes_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes"
)

func TestTranscript(t *testing.T) {
	for name, lines := range map[string][]probes.TranscriptLine{
		"nothing was said": nil,
		"a dialogue": {
			{At: 0, Origin: probes.OriginProber, Text: "connected to 192.0.2.1:25"},
			{At: 127 * time.Microsecond, Origin: probes.OriginServer, Text: "220 mx"},
			{At: 29 * time.Second, Origin: probes.OriginClient, Text: strings.Repeat("x", 512)},
		},
		"an empty line, and what looks like a head": {{Origin: probes.OriginServer}, {At: time.Hour, Origin: probes.OriginServer, Text: "\x00S\xff\xff"}, {Origin: probes.OriginProber, Text: "…"}},
	} {
		if diff := cmp.Diff(lines, slices.Collect(probes.TranscriptOf(lines...).Lines())); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for _, text := range []string{"\x05", "\x05S", "\x05S\x02a", "\xff", "\x00S\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a"} {
		if got := slices.Collect(probes.Transcript(text).Lines()); got != nil {
			t.Errorf("%q is no transcript: %v", text, got)
		}
	}
	for _, l := range []probes.TranscriptLine{{At: -time.Second, Text: "a"}, {At: 1500 * time.Nanosecond, Text: "a"}} {
		for got := range probes.TranscriptOf(l).Lines() {
			if want := max(0, l.At.Truncate(time.Microsecond)); got.At != want || got.Text != l.Text {
				t.Errorf("%v: %v", l, got)
			}
		}
	}
}
