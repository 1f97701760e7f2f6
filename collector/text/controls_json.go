package text

import (
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// controlJSON is the newest result of a negative control at one endpoint. If it is inconclusive, the last conclusive
// one stays in force.
type controlJSON struct {
	Control    string    `json:"control"`
	Host       string    `json:"host"`
	Address    string    `json:"address,omitempty"` // absent for hosts of Exchange Online
	At         time.Time `json:"at"`
	Outcome    string    `json:"outcome"` // admitted, refused, inconclusive
	MustRefuse string    `json:"must_refuse"`
	MailFrom   string    `json:"mail_from"` // empty: the null sender
	Recipient  string    `json:"recipient"`
	Stage      string    `json:"stage"`
	Reason     string    `json:"reason,omitempty"`
	Detail     string    `json:"detail,omitempty"`
	Code       int       `json:"reply_code,omitempty"`
	Enhanced   string    `json:"enhanced_code,omitempty"`
	Text       string    `json:"reply_text,omitempty"`
	Uncertain  string    `json:"uncertain,omitempty"`
	Remedy     string    `json:"remedy,omitempty"` // if it was admitted
	// Of the last conclusive result, if the newest is inconclusive.
	LastOutcome string    `json:"last_conclusive_outcome,omitempty"`
	LastAt      time.Time `json:"last_conclusive_at,omitzero"`
}

func controlsOf(s *collector.PathState) (all []controlJSON) {
	for _, c := range s.CurrentControls() {
		all = append(all, newControlJSON(s, c))
	}
	return all
}

func newControlJSON(s *collector.PathState, c collector.ControlState) controlJSON {
	r := c.Newest
	one := controlJSON{
		Control: string(r.Control.Kind), Host: printableLines(r.Host), Address: r.Address, At: r.At.UTC(),
		Outcome: string(r.Outcome), MustRefuse: printableLines(check.MustRefuse(s.Path.ID.Direction, &r.Control)),
		MailFrom:  printableLines(probes.Redact(r.Control.MailFrom)),
		Recipient: printableLines(probes.Redact(r.Control.Recipient)), Stage: r.Stage.String(), Reason: string(r.Reason),
		Detail: printableLines(probes.Redact(r.Detail)), Code: r.Reply.Code, Enhanced: printableLines(r.Reply.Enhanced),
		Text: printableLines(probes.Redact(r.Reply.Text)), Uncertain: printableLines(r.Control.Uncertain),
	}
	if r.Outcome == probes.ControlAdmitted {
		one.Remedy = r.Control.Kind.Info().Remedy
	}
	if last := c.Conclusive; last != nil && r.Outcome == probes.ControlInconclusive {
		one.LastOutcome, one.LastAt = string(last.Outcome), last.At.UTC()
	}
	return one
}
