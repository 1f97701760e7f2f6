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
	start time.Time
	lines []probes.TranscriptLine
}

// add records a text, line by line.
func (t *transcript) add(origin probes.Origin, text string) {
	for part := range strings.SplitSeq(text, "\n") {
		if len(t.lines) == maxTranscript {
			return
		}
		t.lines = append(t.lines, probes.TranscriptLine{
			At: time.Since(t.start), Origin: origin, Text: probes.Sanitise(part, maxLineText),
		})
	}
}

// addReply records a reply, if there was one.
func (t *transcript) addReply(r probes.Reply) {
	if r.Code != 0 {
		t.add(probes.OriginServer, formatReply(r))
	}
}
