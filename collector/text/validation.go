package text

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

// Item is a path and the result of probing it.
type Item struct {
	Path   probes.Path
	Result probes.Result
	// Predictions are what Exchange Online would do with its mail.
	Predictions []check.Prediction
}

// Validation prints each path as Microsoft's validation dialog does: every stage, its outcome, the server's reply and
// the remedy.
func Validation(w io.Writer, items []Item, o Options) error {
	p := &printer{Options: o}
	var summary evaluate.Summary
	for _, item := range items {
		item.Result.Until = lastStage(item.Result)
		summary.Add(item.Result)
		p.item(item)
	}
	p.line(0, fmt.Sprintf("%s: %d passed, %d failed, %d inconclusive", Count(len(items), "path"),
		summary.Passed, summary.Failed, summary.Inconclusive))
	return p.flush(w)
}

func (p *printer) item(item Item) {
	r := item.Result
	p.line(0, p.outcomeWord(r.Outcome())+"  "+Printable(item.Path.ID.DisplayName()))
	for _, hint := range r.Hints {
		p.line(2, Printable(hint))
	}
	if len(r.Endpoints) == 0 {
		p.line(2, "Nothing was probed.")
	}
	for _, e := range r.Endpoints {
		p.line(2, "Check connectivity to "+Printable(e.Host)+bracketed(e.Addr))
		for i, step := range e.Steps[:lastStage(r)+1] {
			p.step(probes.Stages[i], step)
		}
		p.tls(e.TLS, r.Started)
		p.dane(e.DANE)
	}
	p.predictions(item.Predictions)
	p.line(0, "")
}

// bracketed returns an address and its port for the end of a line; IPv6 has its own brackets.
func bracketed(a netip.AddrPort) string {
	switch s := Printable(a.String()); {
	case !a.IsValid():
		return ""
	case a.Addr().Is4():
		return " [" + s + "]"
	default:
		return " " + s
	}
}

// lastStage returns the last stage of the probe. A value out of range would make Outcome panic.
func lastStage(r probes.Result) probes.Stage { return min(r.Until, probes.Message) }

// outcomeWord returns an outcome, padded to one width.
func (p *printer) outcomeWord(o probes.Outcome) string {
	switch o {
	case probes.Passed:
		return p.colored(colorGreen, "Succeeded   ")
	case probes.Failed:
		return p.colored(colorRed, "Failed      ")
	case probes.Inconclusive:
		return p.colored(colorYellow, "Inconclusive")
	default:
		return p.colored(colorDim, "Not reached ")
	}
}

// detailColumn is where the lines below a stage start.
const detailColumn = 29

func (p *printer) step(info probes.StageInfo, s probes.Step) {
	row := fmt.Sprintf("%-24s %s", info.Microsoft, p.outcomeWord(s.Outcome))
	if s.Duration > 0 {
		row += "  " + s.Duration.Round(100*time.Microsecond).String()
	}
	p.line(4, row)
	reason, known := s.Reason.Info()
	if known {
		p.line(detailColumn, fmt.Sprintf("%s (%s)", reason.Sentence, s.Reason))
	}
	reply := Reply(s.Reply)
	if detail := probes.Redact(s.Detail); detail != "" && !repeats(detail, reply) {
		p.line(detailColumn, Printable(detail))
	}
	if reply != "" {
		p.reply(reply)
	}
	if s.Uncertain != "" {
		p.line(detailColumn, "UNCERTAIN: "+Printable(s.Uncertain))
	}
	if known {
		p.line(detailColumn, "Remedy: "+s.Remedy())
	}
}

// repeats reports whether a detail is the reply, on one line and possibly cut.
func repeats(detail, reply string) bool {
	return strings.HasPrefix(Printable(reply), strings.TrimSuffix(Printable(detail), "…"))
}

// reply prints a reply with its line breaks.
func (p *printer) reply(reply string) {
	const label = "Server reply: "
	column, begin := detailColumn, label
	for line := range strings.SplitSeq(Truncate(reply, maxText), "\n") {
		p.line(column, begin+Printable(line))
		column, begin = detailColumn+2, ""
	}
}

func (p *printer) tls(t *probes.TLS, at time.Time) {
	if t == nil {
		return
	}
	if t.Version != "" {
		p.line(4, Printable(t.Version)+", "+Printable(t.Cipher))
	}
	if t.Unparsable != "" {
		p.line(4, "The certificate cannot be parsed: "+Printable(t.Unparsable))
	}
	if len(t.Chain) > 0 {
		p.certificate(t.Chain[0], at)
	}
	switch t.MicrosoftRoot.Outcome {
	case probes.Passed:
		p.line(6, "The chain verifies with DigiCert Global Root G2 alone (MC1224565)")
	case probes.Failed:
		p.line(
			6, "The chain does not verify with DigiCert Global Root G2 alone (MC1224565): "+Printable(t.MicrosoftRoot.Detail),
		)
	default: // not a host of Exchange Online
	}
	for v, j := range t.Verdicts {
		p.verdict(probes.VerdictNames[v], j)
	}
}

// verdict prints a verdict that did not pass, or is uncertain.
func (p *printer) verdict(name string, j probes.Judgement) {
	switch {
	case j.Outcome == probes.Failed:
		p.line(6, fmt.Sprintf("%s: %s", name, Printable(j.Detail)))
	case j.Outcome == probes.NotReached && j.Evaluated():
		p.line(6, fmt.Sprintf("%s: could not be judged: %s", name, Printable(j.Detail)))
	}
	if j.Uncertain != "" {
		p.line(6, fmt.Sprintf("%s: UNCERTAIN: %s", name, Printable(j.Uncertain)))
	}
}

func (p *printer) dane(d *probes.DANE) {
	if d == nil || d.Status == probes.DANEInsecure || d.Status == probes.DANENone {
		return
	}
	line := "DANE: " + Printable(d.Sentence())
	if d.Expired {
		line += ", although it is not valid now"
	}
	p.line(4, line)
}

func (p *printer) certificate(leaf *probes.Certificate, at time.Time) {
	period := fmt.Sprintf(
		"%s to %s", leaf.NotBefore.UTC().Format(time.DateOnly), leaf.NotAfter.UTC().Format(time.DateOnly),
	)
	if lifetime := Lifetime(leaf.NotBefore, leaf.NotAfter, at); lifetime != "" {
		period += " (" + lifetime + ")"
	}
	p.line(4, fmt.Sprintf("Certificate of %s, issued by %s, for %s, %s", Printable(leaf.Subject), Printable(leaf.Issuer),
		Printable(listNames(leaf.DNSNames, leaf.OmittedNames)), period))
}
