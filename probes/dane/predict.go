package dane

import (
	"slices"
	"strings"

	"m365_connector_exporter/probes"
)

// Mode is a connector's SmtpDaneMode.
type Mode string

// Modes of Set-OutboundConnector.
const (
	Opportunistic Mode = "Opportunistic" // the default: DANE if the destination has it
	Mandatory     Mode = "Mandatory"     // mail is queued if the destination has no DANE
	Off           Mode = "None"
)

// ParseMode parses the property of a connector. "" is Opportunistic. ok is false for an unknown word.
func ParseMode(value string) (mode Mode, ok bool) {
	switch strings.ToLower(value) {
	case "", "opportunistic":
		return Opportunistic, true
	case "mandatory":
		return Mandatory, true
	case "none":
		return Off, true
	}
	return "", false
}

// Server is one address of an MX host, as it was probed. Servers that were not reached are left out.
type Server struct {
	Status  probes.DANEStatus
	TLS     bool // it offers STARTTLS and the handshake succeeds
	Expired bool // its leaf is not valid now
}

// Outcome is what Exchange Online does with the mail.
type Outcome string

// Outcomes.
const (
	Deliver       Outcome = "deliver"
	Queue         Outcome = "queue"          // for 24 hours, then the mail is returned
	NotApplicable Outcome = "not_applicable" // DANE is not used
)

// Codes with which Exchange Online returns mail. While it queues the mail, the first digit is 4.
const (
	CodeSTARTTLS = "5.7.321" // starttls-not-supported
	CodeExpired  = "5.7.322" // certificate-expired
	CodeTLSA     = "5.7.323" // tlsa-invalid
	CodeDNSSEC   = "5.7.324" // dnssec-invalid
)

// Prediction is what Exchange Online would do, and why.
type Prediction struct {
	Outcome Outcome
	Code    string // if the outcome is Queue; "" if Microsoft documents none
	Reason  Reason
}

// Reason is why mail is delivered or not.
type Reason string

// Reasons.
const (
	ReasonOff           Reason = "mode_none"      // the connector does not use DANE
	ReasonNoDANE        Reason = "no_dane"        // the destination has no DANE
	ReasonMatch         Reason = "match"          // a server matches its records
	ReasonUnusable      Reason = "unusable"       // no record is usable, and a server has TLS
	ReasonWithoutRecord Reason = "without_record" // a server without records accepts the mail
	ReasonSTARTTLS      Reason = "no_starttls"
	ReasonMismatch      Reason = "tlsa_mismatch"
	ReasonBogus         Reason = "bogus"
)

// Predict predicts what Exchange Online does with mail for a domain with these servers, best first. Without servers the
// prediction is zero, unless the mode is Off.
//
// Exchange Online tries the next MX host if one fails. It queues the mail if all hosts fail: because of invalid DNSSEC
// signatures, because no certificate matches the TLSA records or TLS is missing or, with Mandatory, because a host has
// no TLSA records.
func Predict(mode Mode, servers []Server) Prediction {
	switch {
	case mode == Off:
		return Prediction{NotApplicable, "", ReasonOff}
	case len(servers) == 0:
		return Prediction{}
	case mode == Opportunistic && !slices.ContainsFunc(servers, Server.hasRecords):
		return Prediction{NotApplicable, "", ReasonNoDANE}
	}
	predictions := make([]Prediction, len(servers))
	for i, s := range servers {
		if predictions[i] = s.predict(mode); predictions[i].Outcome == Deliver {
			return predictions[i]
		}
	}
	if i := slices.IndexFunc(predictions, func(p Prediction) bool { return p.Code != "" }); i >= 0 {
		return predictions[i]
	}
	return predictions[0]
}

// hasRecords reports whether the server's host has TLSA records, or invalid signatures.
func (s Server) hasRecords() bool {
	return s.Status != probes.DANENone && s.Status != probes.DANEInsecure
}

// predict predicts what happens if Exchange Online tries this server only.
func (s Server) predict(mode Mode) Prediction {
	switch {
	case s.Status == probes.DANEBogus:
		return Prediction{Queue, CodeDNSSEC, ReasonBogus}
	case !s.hasRecords() && mode == Mandatory:
		return Prediction{Queue, "", ReasonNoDANE}
	case !s.hasRecords():
		return Prediction{Deliver, "", ReasonWithoutRecord}
	case !s.TLS:
		return Prediction{Queue, CodeSTARTTLS, ReasonSTARTTLS}
	case s.Status == probes.DANEMatch:
		return Prediction{Deliver, "", ReasonMatch}
	case s.Status == probes.DANEUnusable:
		return Prediction{Deliver, "", ReasonUnusable}
	case s.Expired:
		return Prediction{Queue, CodeExpired, ReasonMismatch}
	}
	return Prediction{Queue, CodeTLSA, ReasonMismatch}
}
