package probes

import "time"

// TranscriptLine is one line of the transcript of an SMTP session.
type TranscriptLine struct {
	At     time.Duration // since the connection attempt began
	Origin Origin
	Text   string // sanitised, bounded
}

// Origin is where a transcript line came from.
type Origin byte

// The origins of transcript lines.
const (
	OriginClient Origin = 'C'
	OriginServer Origin = 'S'
	OriginProber Origin = '#' // an observation of the prober: "TLS 1.3 established"
)
