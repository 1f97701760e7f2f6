package smtpprobe

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes"
)

func TestTranscriptHasOneEntryForAReply(t *testing.T) {
	var one transcript
	one.addReply(probes.Reply{})
	one.addReply(probes.Reply{Code: 250, Text: "mail.test\nSIZE 35882577\n\x1b[31m"})
	const want = "250 mail.test\nSIZE 35882577\n\\u001b[31m"
	if len(one.entries) != 1 || one.entries[0].Text != want {
		t.Errorf("%q, want one entry %q", one.entries, want)
	}
}

func TestTranscriptEndsAfterItsLastLine(t *testing.T) {
	var one transcript
	long := strings.Repeat("line\n", maxTranscript-2) + "line"
	for range 3 {
		one.add(probes.OriginServer, long)
	}
	lines := 0
	for _, e := range one.entries {
		for range e.Lines() {
			lines++
		}
	}
	if lines != maxTranscript || len(one.entries) != 2 {
		t.Errorf("%d lines in %d entries, want %d in 2", lines, len(one.entries), maxTranscript)
	}
}
