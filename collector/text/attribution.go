package text

import (
	"fmt"
	"io"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Attribution prints which tenant a message is attributed to, each step of the decision, and what is uncertain about
// it.
func Attribution(w io.Writer, a mailflow.Attribution, o Options) error {
	p := &printer{Options: o}
	p.line(0, Printable(Verdict(a)))
	for i, step := range a.Trace {
		p.line(2, fmt.Sprintf("%2d. %s", i+1, Printable(step)))
	}
	p.caveats(2, a.Risk, a.Uncertain)
	return p.flush(w)
}

func (p *printer) caveats(indent int, risk string, uncertain []string) {
	if risk != "" {
		p.line(indent, "Fragile: "+Printable(risk))
	}
	for _, why := range uncertain {
		p.line(indent, "UNCERTAIN: "+Printable(why))
	}
}

var validity = map[mailflow.Tri]string{
	mailflow.Yes: "valid", mailflow.No: "not valid", mailflow.Unknown: "validity unknown",
}

// Rehearsals prints the simulated renewal of each sender's certificate, and how the new certificate c compares with the
// TLSA records of servers. problems are those of c.
func Rehearsals(
	w io.Writer, c mailflow.ClientCertificate, problems []string, all []mailflow.RenewalSimulation,
	tlsa []TLSARehearsal, o Options,
) error {
	p := &printer{Options: o}
	names := listNames(c.Names(), c.OmittedNames)
	p.line(0, "Certificate for "+Printable(names)+" ("+Printable(c.Source)+"): "+validity[c.Valid])
	for _, problem := range problems {
		p.line(4, Printable(problem))
	}
	broken := 0
	for _, r := range all {
		p.line(0, "")
		if len(r.Problems) > 0 {
			broken++
		}
		p.renewal(r)
	}
	p.tlsaRehearsals(tlsa)
	p.line(0, "")
	p.line(0, fmt.Sprintf("%s: %d would break", Count(len(all), "sender"), broken))
	return p.flush(w)
}

func (p *printer) renewal(r mailflow.RenewalSimulation) {
	word := p.colored(colorGreen, "Works   ")
	if len(r.Problems) > 0 {
		word = p.colored(colorRed, "BREAKS  ")
	}
	sender := probes.PathID{Tenant: r.Tenant, Connector: r.Connector, Path: r.Sender}
	assumed := ""
	if r.Assumed {
		assumed = " (assumed)"
	}
	p.line(0, word+Printable(sender.DisplayName())+assumed)
	for _, problem := range r.Problems {
		p.line(8, "- "+Printable(problem))
	}
	p.outcome("now", r.Before)
	p.outcome("then", r.After)
}

// maxMessages is how many of a sender's messages are printed; JSON has all.
const maxMessages = 8

func (p *printer) outcome(when string, o mailflow.CertificateOutcome) {
	if o.Certificate == nil {
		p.line(8, when+": the sender's certificate is unknown")
		return
	}
	p.line(8, when+": "+Printable(o.Match.Rule))
	if o.Match.Uncertain != "" {
		p.line(10, "UNCERTAIN: "+Printable(o.Match.Uncertain))
	}
	for _, a := range o.Attributions[:min(len(o.Attributions), maxMessages)] {
		from := Sender(a)
		if a.Message.Address.IsValid() {
			from += " from " + a.Message.Address.String()
		}
		p.line(10, Printable(from+": "+Verdict(a)))
		p.caveats(12, a.Risk, a.VerdictUncertainties())
	}
	if more := len(o.Attributions) - maxMessages; more > 0 {
		p.line(10, "and "+Count(more, "more message"))
	}
}
