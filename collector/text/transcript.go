package text

import (
	"fmt"
	"io"

	"m365_connector_exporter/probes"
)

// Transcript prints what was said at each endpoint: C is this prober, S the server, # what the prober saw.
func Transcript(w io.Writer, r probes.Result) error {
	p := &printer{}
	for _, e := range r.Endpoints {
		p.line(0, "Transcript of "+printable(e.Host)+bracketed(e.Addr))
		if len(e.Transcript) == 0 {
			p.line(2, "Nothing was said.")
		}
		for _, l := range e.Transcript {
			p.line(2, fmt.Sprintf("%8.3fs %s %s", l.At.Seconds(), string(rune(l.Origin)), TranscriptText(l)))
		}
		p.line(0, "")
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// TranscriptText is the text of a transcript's line, printable and redacted.
func TranscriptText(l probes.TranscriptLine) string { return printable(Redact(l.Text)) }
