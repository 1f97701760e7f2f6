package smtpprobe

import (
	"strings"
	"time"

	"m365_connector_exporter/probes"
)

const (
	maxTranscript = 64  // lines
	maxLineText   = 512 // bytes of one line
)

// transcript records the first lines of a session.
type transcript struct {
	start   time.Time
	entries []probes.TranscriptEntry
	lines   int // of all entries
}

// add records a text of one or more lines.
func (t *transcript) add(origin probes.Origin, text string) {
	lines := strings.Split(text, "\n")
	lines = lines[:min(len(lines), maxTranscript-t.lines)]
	if len(lines) == 0 {
		return
	}
	for i, l := range lines {
		lines[i] = probes.Sanitise(l, maxLineText)
	}
	t.lines += len(lines)
	t.entries = append(t.entries, probes.TranscriptEntry{
		At: time.Since(t.start), Origin: origin, Text: strings.Join(lines, "\n"),
	})
}

// addReply records a reply, if there was one.
func (t *transcript) addReply(r probes.Reply) {
	if r.Code != 0 {
		t.add(probes.OriginServer, formatReply(r))
	}
}
