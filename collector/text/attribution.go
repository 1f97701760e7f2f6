package text

import (
	"fmt"
	"io"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// Attribution prints to whom a message is attributed, why, and what is uncertain about it.
func Attribution(w io.Writer, a mailflow.Attribution, o Options) error {
	p := &printer{Options: o}
	p.line(0, printable(verdict(a)))
	for i, step := range a.Trace {
		p.line(2, fmt.Sprintf("%2d. %s", i+1, printable(step)))
	}
	p.caveats(2, a.Risk, a.Uncertain)
	_, err := io.WriteString(w, p.b.String())
	return err
}

// grounds are what a message is attributed by, in words.
var grounds = map[mailflow.AttributionBasis]string{
	mailflow.BasisCertificate: "certificate", mailflow.BasisMailFrom: "MAIL FROM", mailflow.BasisRcptTo: "RCPT TO", mailflow.BasisNone: "nothing",
}

// verdict is the answer in a sentence.
func verdict(a mailflow.Attribution) string {
	switch {
	case a.Ambiguous():
		return "Ambiguous: by " + grounds[a.Basis] + " it can be " + strings.Join(a.Tenants, ", ") + "."
	case len(a.Tenants) == 0:
		return "Attributed to no configured tenant" + predictedReply(a)
	}
	text := "Attributed to " + a.Tenants[0] + " by " + grounds[a.Basis]
	if a.Connector != "" {
		text += ", through connector " + a.Connector
	}
	if a.Relay {
		return text + "; mail to others is relayed."
	}
	return text + "; mail to others is not relayed" + predictedReply(a)
}

func predictedReply(a mailflow.Attribution) string {
	if a.Reply == "" {
		return "."
	}
	return "; predicted reply: " + a.Reply
}

func (p *printer) caveats(indent int, fragile string, uncertain []string) {
	if fragile != "" {
		p.line(indent, "Fragile: "+printable(fragile))
	}
	for _, why := range uncertain {
		p.line(indent, "UNCERTAIN: "+printable(why))
	}
}

// Rehearsals prints what becomes of each sender's mail with another certificate, presented by its problems first.
func Rehearsals(w io.Writer, c mailflow.ClientCertificate, problems []string, all []mailflow.RenewalSimulation, o Options) error {
	p := &printer{Options: o}
	p.line(0, "Certificate for "+printable(listNames(c.Names()))+" ("+printable(c.Source)+"): "+validity[c.Valid])
	for _, problem := range problems {
		p.line(4, printable(problem))
	}
	broken := 0
	for _, r := range all {
		p.line(0, "")
		if len(r.Problems) > 0 {
			broken++
		}
		p.rehearsal(r)
	}
	p.line(0, "")
	noun := "senders"
	if len(all) == 1 {
		noun = "sender"
	}
	p.line(0, fmt.Sprintf("%d %s: %d would break", len(all), noun, broken))
	_, err := io.WriteString(w, p.b.String())
	return err
}

var validity = map[mailflow.Tri]string{mailflow.Yes: "valid", mailflow.No: "not valid", mailflow.Unknown: "validity could not be judged"}

func listNames(names []string) string {
	switch n := len(names); {
	case n == 0:
		return "no name"
	case n > maxNames:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), n-maxNames)
	}
	return strings.Join(names, ", ")
}

func (p *printer) rehearsal(r mailflow.RenewalSimulation) {
	word, color := "Works   ", "\x1b[32m"
	if len(r.Problems) > 0 {
		word, color = "BREAKS  ", "\x1b[31m"
	}
	if p.Color {
		word = color + word + "\x1b[0m"
	}
	assumed := ""
	if r.Assumed {
		assumed = " (assumed)"
	}
	p.line(0, word+printable(renewalTarget(r))+assumed)
	for _, why := range r.Problems {
		p.line(8, "- "+printable(why))
	}
	p.performance("now", r.Before)
	p.performance("then", r.After)
}

// maxMessages is how many of a sender's messages are printed; JSON has all.
const maxMessages = 8

func (p *printer) performance(when string, as mailflow.CertificateOutcome) {
	if as.Certificate == nil {
		p.line(8, when+": what the sender presents is not known")
		return
	}
	p.line(8, when+": "+printable(as.Match.Rule))
	if as.Match.Uncertain != "" {
		p.line(10, "UNCERTAIN: "+printable(as.Match.Uncertain))
	}
	for _, a := range as.Attributions[:min(len(as.Attributions), maxMessages)] {
		from := a.From()
		if from == "" {
			from = "<>"
		}
		if a.Message.Address.IsValid() {
			from += " from " + a.Message.Address.String()
		}
		p.line(10, printable(from+": "+verdict(a)))
		p.caveats(12, a.Risk, a.VerdictUncertainties())
	}
	if more := len(as.Attributions) - maxMessages; more > 0 {
		p.line(10, fmt.Sprintf("and %d messages more", more))
	}
}
