package probes

import (
	"encoding/binary"
	"iter"
	"time"
)

// TranscriptLine is one line of a transcript.
type TranscriptLine struct {
	At     time.Duration // since the dial started, in microseconds where it comes out of a Transcript
	Origin Origin
	Text   string // sanitised, bounded
}

// Origin is where a transcript line came from.
type Origin byte

// The origins of transcript lines.
const (
	OriginClient Origin = 'C'
	OriginServer Origin = 'S'
	OriginProber Origin = '#' // what the prober saw: "TLS 1.3 established"
)

// Transcript is the lines of a dialogue in one piece, as [TranscriptOf] packs them; "" is none. The dialogues of thousands of endpoints
// stay in memory for hours and are seldom read: as lines they take twice the room, and the collector looks at each.
type Transcript string

// TranscriptOf packs lines.
func TranscriptOf(lines ...TranscriptLine) Transcript {
	var packed []byte
	for _, l := range lines {
		packed = AppendLine(packed, l)
	}
	return Transcript(packed)
}

// AppendLine packs one line more, as a Transcript has it.
func AppendLine(packed []byte, l TranscriptLine) []byte {
	packed = binary.AppendUvarint(packed, uint64(max(0, l.At.Microseconds())))
	packed = binary.AppendUvarint(append(packed, byte(l.Origin)), uint64(len(l.Text)))
	return append(packed, l.Text...)
}

// Lines are the lines in their order. It ends at what TranscriptOf has not made.
func (t Transcript) Lines() iter.Seq[TranscriptLine] {
	return func(yield func(TranscriptLine) bool) {
		for rest := string(t); rest != ""; {
			at, n := uvarint(rest)
			if n == 0 || n == len(rest) {
				return
			}
			from := Origin(rest[n])
			rest = rest[n+1:]
			size, n := uvarint(rest)
			rest = rest[n:]
			if n == 0 || size > uint64(len(rest)) || !yield(TranscriptLine{time.Duration(at) * time.Microsecond, from, rest[:size]}) { //nolint:gosec // it was a Duration
				return
			}
			rest = rest[size:]
		}
	}
}

// uvarint reads a number and tells how many bytes it took, none where there is no number.
func uvarint(s string) (v uint64, n int) {
	v, n = binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
	return v, max(n, 0)
}
