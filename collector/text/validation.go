// Package text words results for a terminal and, as JSON, for programs. Nothing of a peer reaches a terminal unescaped.
package text

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"m365_connector_exporter/probes"
)

// Item is one path with what its probe found.
type Item struct {
	Path   probes.Path
	Result probes.Result
}

// Options say how to print.
type Options struct {
	Color bool
	Width int // columns to wrap at; below 40 nothing is wrapped
}

// Validation prints each path like Microsoft's validation dialog: every stage, its outcome, the server's words, the remedy.
func Validation(w io.Writer, items []Item, o Options) error {
	p := &printer{Options: o}
	counts := map[probes.Outcome]int{}
	for _, item := range items {
		item.Result.Until = lastStage(item.Result)
		counts[item.Result.Outcome()]++
		p.item(item)
	}
	noun := "paths"
	if len(items) == 1 {
		noun = "path"
	}
	p.line(0, fmt.Sprintf("%d %s: %d passed, %d failed, %d inconclusive", len(items), noun,
		counts[probes.Passed], counts[probes.Failed], counts[probes.Inconclusive]))
	_, err := io.WriteString(w, p.b.String())
	return err
}

type printer struct {
	Options
	b strings.Builder
}

func (p *printer) item(item Item) {
	r := item.Result
	p.line(0, p.outcomeWord(r.Outcome())+"  "+printable(item.Path.ID.String()))
	for _, note := range r.Hints {
		p.line(2, printable(note))
	}
	if len(r.Endpoints) == 0 {
		p.line(2, "Nothing was probed.")
	}
	for _, e := range r.Endpoints {
		p.line(2, "Check connectivity to "+printable(e.Host)+bracketed(e.Addr))
		for i, step := range e.Steps[:lastStage(r)+1] {
			p.step(probes.Stages[i], step)
		}
		p.tls(e.TLS, r.Started)
	}
	p.line(0, "")
}

// bracketed is the address with its port; IPv6 has brackets of its own.
func bracketed(a netip.AddrPort) string {
	switch s := printable(a.String()); {
	case !a.IsValid():
		return ""
	case a.Addr().Is4():
		return " [" + s + "]"
	default:
		return " " + s
	}
}

// lastStage is the lastStage stage asked for. A value out of range would panic in Outcome.
func lastStage(r probes.Result) probes.Stage { return min(r.Until, probes.Message) }

// outcomeWord is an outcome, padded to one width.
func (p *printer) outcomeWord(o probes.Outcome) string {
	word, color := "Not reached ", "\x1b[2m"
	switch o {
	case probes.Passed:
		word, color = "Succeeded   ", "\x1b[32m"
	case probes.Failed:
		word, color = "Failed      ", "\x1b[31m"
	case probes.Inconclusive:
		word, color = "Inconclusive", "\x1b[33m"
	default:
	}
	if p.Color {
		return color + word + "\x1b[0m"
	}
	return word
}

// evidenceColumn is the column where what belongs to a stage begins.
const evidenceColumn = 29

func (p *printer) step(info probes.StageInfo, s probes.Step) {
	row := fmt.Sprintf("%-24s %s", info.Microsoft, p.outcomeWord(s.Outcome))
	if s.Duration > 0 {
		row += "  " + s.Duration.Round(100*time.Microsecond).String()
	}
	p.line(4, row)
	reason, known := s.Reason.Info()
	if known {
		p.line(evidenceColumn, fmt.Sprintf("%s (%s)", reason.Sentence, s.Reason))
	}
	said := ""
	if s.Reply.Code > 0 {
		said = fmt.Sprintf("%d %s", s.Reply.Code, printable(Redact(strings.TrimSpace(s.Reply.Enhanced+" "+s.Reply.Text))))
	}
	if detail := printable(Redact(s.Detail)); detail != "" && detail != said {
		p.line(evidenceColumn, detail)
	}
	if said != "" {
		p.line(evidenceColumn, "The server said: "+said)
	}
	if s.Uncertain != "" {
		p.line(evidenceColumn, "UNCERTAIN: "+printable(s.Uncertain))
	}
	if known {
		p.line(evidenceColumn, "Remedy: "+reason.Remedy)
	}
}

// maxNames is how many names of a certificate are printed.
const maxNames = 5

func (p *printer) tls(t *probes.TLS, at time.Time) {
	if t == nil {
		return
	}
	if t.Version != "" {
		p.line(4, printable(t.Version)+", "+printable(t.Cipher))
	}
	if t.Unparsable != "" {
		p.line(4, "The certificate cannot be read: "+printable(t.Unparsable))
	}
	if len(t.Chain) > 0 {
		p.certificate(t.Chain[0], at)
	}
	switch t.MicrosoftRoot.Outcome {
	case probes.Passed:
		p.line(6, "The chain verifies with DigiCert Global Root G2 alone (MC1224565)")
	case probes.Failed:
		p.line(6, "The chain does not verify with DigiCert Global Root G2 alone (MC1224565): "+printable(t.MicrosoftRoot.Detail))
	default: // not Exchange Online's
	}
	for v, j := range t.Verdicts {
		switch {
		case j.Outcome == probes.Failed:
			p.line(6, fmt.Sprintf("%s: %s", probes.VerdictNames[v], printable(j.Detail)))
		case j.Outcome == probes.NotReached && j.Evaluated():
			p.line(6, fmt.Sprintf("%s: could not be judged: %s", probes.VerdictNames[v], printable(j.Detail)))
		default: // nothing to tell
		}
		if j.Uncertain != "" {
			p.line(6, fmt.Sprintf("%s: UNCERTAIN: %s", probes.VerdictNames[v], printable(j.Uncertain)))
		}
	}
}

func (p *printer) certificate(leaf *probes.Certificate, at time.Time) {
	names := "no name"
	if n := len(leaf.DNSNames); n > 0 {
		names = printable(strings.Join(leaf.DNSNames[:min(n, maxNames)], ", "))
		if n > maxNames {
			names += fmt.Sprintf(" and %d more", n-maxNames)
		}
	}
	p.line(4, fmt.Sprintf("Certificate of %s, issued by %s, for %s, %s to %s%s", printable(leaf.Subject), printable(leaf.Issuer), names,
		leaf.NotBefore.UTC().Format(time.DateOnly), leaf.NotAfter.UTC().Format(time.DateOnly), remaining(leaf.NotAfter, at)))
}

// remaining says how long the certificate lasted when it was seen. A round without a time says nothing.
func remaining(end, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	const day = 24 * time.Hour
	if end.Before(at) {
		return fmt.Sprintf(" (expired %d days ago)", at.Sub(end)/day)
	}
	return fmt.Sprintf(" (%d days left)", end.Sub(at)/day)
}
