package text

import (
	"fmt"
	"io"

	"m365_connector_exporter/probes"
)

// Transcript prints the dialogue with each endpoint. C is this prober, S the server, # an observation of the prober.
func Transcript(w io.Writer, r probes.Result) error {
	p := &printer{}
	for _, e := range r.Endpoints {
		p.line(0, "Transcript of "+Printable(e.Host)+bracketed(e.Addr))
		if len(e.Transcript) == 0 {
			p.line(2, "No dialogue.")
		}
		for _, entry := range e.Transcript {
			for l := range entry.Lines() {
				p.line(2, fmt.Sprintf("%8.3fs %s %s", entry.At.Seconds(), string(rune(entry.Origin)), TranscriptText(l)))
			}
		}
		p.line(0, "")
	}
	return p.flush(w)
}

// TranscriptText returns a line, printable and redacted.
func TranscriptText(line string) string { return Printable(probes.Redact(line)) }
