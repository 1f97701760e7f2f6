package text

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"m365_connector_exporter/collector/check"
)

// mechanismNames are what people call the mechanisms.
var mechanismNames = map[check.Mechanism]string{check.MechanismDANE: "DANE", check.MechanismMTASTS: "MTA-STS"}

// Mechanism returns the name of a mechanism for people.
func Mechanism(m check.Mechanism) string { return mechanismNames[m] }

// PredictionReason returns the reason of a prediction in words; "" if only its evidence explains it.
func PredictionReason(p *check.Prediction) string { return reasonPhrases[p.Reason] }

// reasonPhrases explain the reasons of predictions.
var reasonPhrases = map[string]string{
	"mode_none": "the connector's mode is None",
	"match":     "a mail server passes",

	"no_dane":        "the destination does not use DANE",
	"unusable":       "no TLSA record of a mail server can be used, and it offers TLS",
	"without_record": "a mail server without TLSA records accepts it",
	"no_starttls":    "no mail server offers TLS, and there are TLSA records",
	"tlsa_mismatch":  "no mail server matches its TLSA records",
	"bogus":          "DNSSEC validation fails",

	"no_policy":   "the destination has no policy that can be used",
	"not_enforce": "the destination's policy is not enforced",

	"mx_not_listed":       "no MX host is in the destination's policy",
	"certificate_invalid": "no listed MX host has a certificate that is valid for its name",
	"no_tls":              "no listed MX host offers TLS",
}

// Prediction returns a prediction in words: "MTA-STS: deliver, because a mail server passes".
func Prediction(p *check.Prediction) string {
	sentence := mechanismNames[p.Mechanism] + ": " + strings.ReplaceAll(string(p.Delivery), "_", " ")
	why := reasonPhrases[p.Reason]
	if p.Delivery == check.DeliveryQueue {
		why = strings.Join(p.Evidence[:min(len(p.Evidence), maxPredictionEvidence)], "; ")
		if codes := p.HeldCodes(); codes != "" {
			sentence += " (" + codes + ")"
		}
	}
	if why != "" {
		sentence += ", because " + why
	}
	return Printable(sentence)
}

// maxPredictionEvidence bounds the servers that one line lists.
const maxPredictionEvidence = 4

// predictions prints what Exchange Online would do with the mail of a path. Mechanisms that do not apply are left out.
func (p *printer) predictions(all []check.Prediction) {
	for i := range all {
		if all[i].Delivery != check.DeliveryNotApplicable {
			p.prediction(2, &all[i])
		}
	}
}

func (p *printer) prediction(column int, one *check.Prediction) {
	line := Prediction(one)
	if one.Delivery == check.DeliveryQueue {
		line = p.colored(colorRed, line)
	}
	p.line(column, line)
	if one.Uncertain != "" {
		p.line(column+2, "UNCERTAIN: "+Printable(one.Uncertain))
	}
}

// Deliveries prints for each path what Exchange Online would do with its mail.
func Deliveries(w io.Writer, items []Item, o Options) error {
	p := &printer{Options: o}
	held, unclear := 0, 0
	for _, item := range items {
		p.line(0, Printable(item.Path.ID.DisplayName()))
		for i := range item.Predictions {
			p.prediction(2, &item.Predictions[i])
		}
		unknown := item.Path.DANE && !slices.ContainsFunc(item.Predictions, func(p check.Prediction) bool {
			return p.Mechanism == check.MechanismDANE
		})
		if unknown || len(item.Predictions) == 0 {
			unclear++
		}
		switch {
		case unknown:
			p.line(2, mechanismNames[check.MechanismDANE]+": unknown: no resolver that validates DNSSEC answered (see "+
				"probe.dnssec), or too little is known about the servers")
		case len(item.Predictions) == 0:
			p.line(2, "Too little is known: no reachable server decides the outcome, or the policy could not be read.")
		}
		if Held(item.Predictions) {
			held++
		}
	}
	p.line(0, "")
	summary := fmt.Sprintf("%s: mail is held on %d", Count(len(items), "path"), held)
	if unclear > 0 {
		summary += fmt.Sprintf("; too little is known about %d", unclear)
	}
	p.line(0, summary)
	return p.flush(w)
}

// Held reports whether one of the predictions is that the mail is held.
func Held(all []check.Prediction) bool {
	for i := range all {
		if all[i].Delivery == check.DeliveryQueue {
			return true
		}
	}
	return false
}

// predictionJSON is what Exchange Online would do with the mail of a path because of one mechanism.
type predictionJSON struct {
	Mechanism string   `json:"mechanism"` // dane, mta_sts
	Outcome   string   `json:"outcome"`   // deliver, queue, not_applicable
	Code      string   `json:"code,omitempty"`
	Reason    string   `json:"reason"`
	Evidence  []string `json:"evidence,omitempty"`
	Uncertain string   `json:"uncertain,omitempty"`
}

func predictionsOf(all []check.Prediction) (out []predictionJSON) {
	for i := range all {
		p := &all[i]
		out = append(out, predictionJSON{
			Mechanism: string(p.Mechanism), Outcome: string(p.Delivery), Code: p.Code, Reason: p.Reason,
			Evidence: printableAll(p.Evidence), Uncertain: printableLines(p.Uncertain),
		})
	}
	return out
}
