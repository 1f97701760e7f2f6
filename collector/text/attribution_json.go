package text

import (
	"io"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// The JSON of attribute and rehearse: an object each. Absent is unknown or does not apply.
type (
	attributionJSON struct {
		Arrival   messageJSON `json:"arrival"`
		AlsoFrom  []string    `json:"also_mail_from,omitempty"`      // other MAIL FROM domains with the same outcome
		AlsoMore  int         `json:"also_mail_from_more,omitempty"` // those not listed
		Tenants   []string    `json:"tenants"`                       // one: attributed; none; more: ambiguous
		Connector string      `json:"connector,omitempty"`
		Rivals    []string    `json:"rivals,omitempty"` // other connectors of the tenant that match equally
		Ground    string      `json:"ground"`           // certificate, mail_from, rcpt_to, none
		Relay     bool        `json:"relay"`            // mail to recipients outside the tenant is accepted
		Reply     string      `json:"predicted_reply,omitempty"`
		Fragile   string      `json:"fragile,omitempty"`
		Uncertain []string    `json:"uncertain,omitempty"`
		Trace     []string    `json:"trace"`
	}
	messageJSON struct {
		Address     string                 `json:"address,omitempty"`
		MailFrom    string                 `json:"mail_from"` // a domain; "" is the null sender
		RcptTo      string                 `json:"rcpt_to"`   // a domain
		TLS         bool                   `json:"tls"`
		Certificate *clientCertificateJSON `json:"certificate,omitempty"`
	}
	clientCertificateJSON struct {
		Names       []string `json:"names"`                // CN and SAN
		MoreNames   int      `json:"names_more,omitempty"` // those not listed
		Fingerprint string   `json:"fingerprint_sha256,omitempty"`
		Valid       *bool    `json:"valid,omitempty"`
		Source      string   `json:"source,omitempty"`
	}
	rehearsalJSON struct {
		Certificate clientCertificateJSON `json:"certificate"`
		Problems    []string              `json:"problems,omitempty"` // why the certificate is not valid
		Senders     []renewalJSON         `json:"senders"`
		TLSA        []tlsaJSON            `json:"tlsa,omitempty"` // of servers whose name the certificate has
	}
	tlsaJSON struct {
		Host    string    `json:"host"`
		Owner   string    `json:"owner"` // name of its TLSA records
		Breaks  bool      `json:"breaks"`
		DANE    *daneJSON `json:"dane,omitempty"` // absent: unknown
		Publish string    `json:"publish"`        // the record of the new certificate
	}
	renewalJSON struct {
		Target       string      `json:"target"` // TENANT/inbound/CONNECTOR/SENDER, percent-encoded
		Tenant       string      `json:"tenant"`
		Connector    string      `json:"connector"`
		Sender       string      `json:"sender"`
		Assumed      bool        `json:"assumed"`
		RequiredName string      `json:"tls_sender_certificate_name,omitempty"`
		Breaks       []string    `json:"breaks"` // empty: nothing would break
		Before       outcomeJSON `json:"before"`
		After        outcomeJSON `json:"after"`
	}
	outcomeJSON struct {
		Known        bool              `json:"known"` // the certificate is known
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
		Arrival: messageJSON{
			MailFrom: printableLines(a.Message.MailFrom), RcptTo: printableLines(a.Message.RcptTo), TLS: a.Message.TLS,
		},
		AlsoFrom: printableAll(a.AlsoFrom), AlsoMore: a.AlsoFromMore,
		Tenants: printableAll(a.Tenants), Connector: printableLines(a.Connector), Rivals: printableAll(a.AlsoMatching),
		Ground: string(a.Basis), Relay: a.Relay, Reply: a.Reply, Fragile: printableLines(a.Risk),
		Uncertain: printableAll(a.Uncertain), Trace: printableAll(a.Trace),
	}
	if a.Message.Address.IsValid() {
		out.Arrival.Address = a.Message.Address.String()
	}
	if a.Message.Certificate != nil {
		p := clientCertificateOf(*a.Message.Certificate)
		out.Arrival.Certificate = &p
	}
	return out
}

func clientCertificateOf(p mailflow.ClientCertificate) clientCertificateJSON {
	out := clientCertificateJSON{
		Names: printableAll(p.Names()), MoreNames: p.OmittedNames, Fingerprint: p.Fingerprint,
		Source: printableLines(p.Source),
	}
	if p.Valid != mailflow.Unknown {
		valid := p.Valid == mailflow.Yes
		out.Valid = &valid
	}
	return out
}

// RehearsalsJSON prints the simulated renewals for programs.
func RehearsalsJSON(
	w io.Writer, c mailflow.ClientCertificate, problems []string, all []mailflow.RenewalSimulation, tlsa []TLSARehearsal,
) error {
	out := rehearsalJSON{Certificate: clientCertificateOf(c), Problems: printableAll(problems), Senders: []renewalJSON{}}
	for _, r := range all {
		out.Senders = append(out.Senders, renewalJSON{
			Target: printableLines(renewalTarget(r)), Tenant: printableLines(r.Tenant),
			Connector: printableLines(r.Connector), Sender: printableLines(r.Sender),
			Assumed: r.Assumed, RequiredName: printableLines(r.RequiredName), Breaks: printableAll(r.Problems),
			Before: outcomeOf(r.Before), After: outcomeOf(r.After),
		})
	}
	for _, r := range tlsa {
		out.TLSA = append(out.TLSA, tlsaJSON{
			Host: printableLines(r.Host), Owner: printableLines(r.Owner), Breaks: r.Breaks(), DANE: daneOf(r.DANE),
			Publish: r.Publish,
		})
	}
	return encode(w, out)
}

func renewalTarget(r mailflow.RenewalSimulation) string {
	return probes.PathID{Tenant: r.Tenant, Direction: mailflow.Inbound, Connector: r.Connector, Path: r.Sender}.String()
}

func outcomeOf(o mailflow.CertificateOutcome) outcomeJSON {
	out := outcomeJSON{
		Known: o.Certificate != nil, Matched: o.Match.Matched, Rule: printableLines(o.Match.Rule),
		Uncertain:    printableLines(o.Match.Uncertain),
		Attributions: []attributionJSON{},
	}
	for _, a := range o.Attributions {
		out.Attributions = append(out.Attributions, attributionOf(a))
	}
	return out
}
