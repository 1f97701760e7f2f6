package wire

import (
	"strings"
	"time"
	"unicode/utf8"

	"m365_connector_exporter/probes"
)

// The bounds of what is kept of a dialogue.
const (
	maxTranscript = 64
	maxText       = 512
	maxDetail     = 512
)

// transcript records the first lines of a session.
type transcript struct {
	start time.Time
	lines []probes.TranscriptLine
}

func (t *transcript) add(origin probes.Origin, text string) {
	for part := range strings.SplitSeq(text, "\n") {
		if len(t.lines) == maxTranscript {
			return
		}
		t.lines = append(t.lines, probes.TranscriptLine{At: time.Since(t.start), Origin: origin, Text: probes.Sanitise(part, maxText)})
	}
}

// sanitiseLines sanitises each line and joins them, within maxReplyText.
func sanitiseLines(lines []string) string {
	var b strings.Builder
	for i, l := range lines {
		room := maxReplyText - b.Len() - 1
		if room < 4 {
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(probes.Sanitise(l, min(room, maxText)))
	}
	return b.String()
}

// redact hides the local part of an address: p***@contoso.com.
func redact(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" {
		return address
	}
	_, n := utf8.DecodeRuneInString(local)
	return local[:n] + "***@" + domain
}
