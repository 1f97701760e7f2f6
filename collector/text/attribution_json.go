package text

import (
	"io"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

// The JSON schemas of attribute (an object) and rehearse (an object). Fields are only ever added; absent does not apply or is not
// known.
type (
	attributionJSON struct {
		Arrival   arrivalJSON `json:"arrival"`
		AlsoFrom  []string    `json:"also_mail_from,omitempty"`      // other MAIL FROM domains with the same outcome
		AlsoMore  int         `json:"also_mail_from_more,omitempty"` // those not listed
		Tenants   []string    `json:"tenants"`                       // one: attributed; none; more: ambiguous
		Connector string      `json:"connector,omitempty"`
		Rivals    []string    `json:"rivals,omitempty"` // other connectors of the tenant that match alike
		Ground    string      `json:"ground"`           // certificate, mail_from, rcpt_to, none
		Relay     bool        `json:"relay"`            // mail to recipients outside the tenant is accepted
		Reply     string      `json:"predicted_reply,omitempty"`
		Fragile   string      `json:"fragile,omitempty"`
		Uncertain []string    `json:"uncertain,omitempty"`
		Trace     []string    `json:"trace"`
	}
	arrivalJSON struct {
		Address     string         `json:"address,omitempty"`
		MailFrom    string         `json:"mail_from"` // a domain; "" is the null sender
		RcptTo      string         `json:"rcpt_to"`   // a domain
		TLS         bool           `json:"tls"`
		Certificate *presentedJSON `json:"certificate,omitempty"`
	}
	presentedJSON struct {
		Names       []string `json:"names"` // CN and SAN
		Fingerprint string   `json:"fingerprint_sha256,omitempty"`
		Valid       *bool    `json:"valid,omitempty"`
		Source      string   `json:"source,omitempty"`
	}
	rehearseJSON struct {
		Certificate presentedJSON   `json:"certificate"`
		Problems    []string        `json:"problems,omitempty"` // why the certificate is not valid
		Senders     []rehearsalJSON `json:"senders"`
	}
	rehearsalJSON struct {
		Target    string          `json:"target"` // TENANT/inbound/CONNECTOR/SENDER, percent-encoded
		Tenant    string          `json:"tenant"`
		Connector string          `json:"connector"`
		Sender    string          `json:"sender"`
		Assumed   bool            `json:"assumed"`
		Asks      string          `json:"tls_sender_certificate_name,omitempty"`
		Breaks    []string        `json:"breaks"` // empty: nothing would
		Before    performanceJSON `json:"before"`
		After     performanceJSON `json:"after"`
	}
	performanceJSON struct {
		Known        bool              `json:"known"` // what the sender presents is known
		Matched      bool              `json:"matched"`
		Rule         string            `json:"rule,omitempty"`
		Uncertain    string            `json:"uncertain,omitempty"`
		Attributions []attributionJSON `json:"attributions"`
	}
)

// AttributionJSON prints an attribution for programs.
func AttributionJSON(w io.Writer, a mailflow.Attribution) error { return encode(w, attributionOf(a)) }

func attributionOf(a mailflow.Attribution) attributionJSON {
	out := attributionJSON{
		Arrival:  arrivalJSON{MailFrom: printableLines(a.Message.MailFrom), RcptTo: printableLines(a.Message.RcptTo), TLS: a.Message.TLS},
		AlsoFrom: printableAll(a.AlsoFrom), AlsoMore: a.AlsoFromMore,
		Tenants: printableAll(a.Tenants), Connector: printableLines(a.Connector), Rivals: printableAll(a.AlsoMatching), Ground: string(a.Basis), Relay: a.Relay,
		Reply: a.Reply, Fragile: printableLines(a.Risk), Uncertain: printableAll(a.Uncertain), Trace: printableAll(a.Trace),
	}
	if a.Message.Address.IsValid() {
		out.Arrival.Address = a.Message.Address.String()
	}
	if a.Message.Certificate != nil {
		p := presentedOf(*a.Message.Certificate)
		out.Arrival.Certificate = &p
	}
	return out
}

func presentedOf(p mailflow.ClientCertificate) presentedJSON {
	out := presentedJSON{Names: printableAll(p.Names()), Fingerprint: p.Fingerprint, Source: printableLines(p.Source)}
	if p.Valid != mailflow.Unknown {
		valid := p.Valid == mailflow.Yes
		out.Valid = &valid
	}
	return out
}

// RehearsalsJSON prints rehearsals for programs.
func RehearsalsJSON(w io.Writer, c mailflow.ClientCertificate, problems []string, all []mailflow.RenewalSimulation) error {
	out := rehearseJSON{Certificate: presentedOf(c), Problems: printableAll(problems), Senders: []rehearsalJSON{}}
	for _, r := range all {
		out.Senders = append(out.Senders, rehearsalJSON{
			Target: printableLines(renewalTarget(r)), Tenant: printableLines(r.Tenant), Connector: printableLines(r.Connector), Sender: printableLines(r.Sender),
			Assumed: r.Assumed, Asks: printableLines(r.RequiredName), Breaks: printableAll(r.Problems), Before: performanceOf(r.Before), After: performanceOf(r.After),
		})
	}
	return encode(w, out)
}

func renewalTarget(r mailflow.RenewalSimulation) string {
	return subject(check.Subject{Tenant: r.Tenant, Direction: mailflow.Inbound, Connector: r.Connector, Path: r.Sender})
}

func performanceOf(as mailflow.CertificateOutcome) performanceJSON {
	out := performanceJSON{
		Known: as.Certificate != nil, Matched: as.Match.Matched, Rule: printableLines(as.Match.Rule), Uncertain: printableLines(as.Match.Uncertain),
		Attributions: []attributionJSON{},
	}
	for _, a := range as.Attributions {
		out.Attributions = append(out.Attributions, attributionOf(a))
	}
	return out
}
