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
		for _, l := range e.Transcript {
			p.line(2, fmt.Sprintf("%8.3fs %s %s", l.At.Seconds(), string(rune(l.Origin)), TranscriptText(l)))
		}
		p.line(0, "")
	}
	return p.flush(w)
}

// TranscriptText returns the text of a line, printable and redacted.
func TranscriptText(l probes.TranscriptLine) string { return Printable(probes.Redact(l.Text)) }
