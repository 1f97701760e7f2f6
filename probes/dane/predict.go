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
	Opportunistic Mode = "Opportunistic" // the default: DANE where the destination has it
	Mandatory     Mode = "Mandatory"     // mail waits where the destination has no DANE
	Off           Mode = "None"
)

// ParseMode returns the mode of a connector's property. An absent one is Opportunistic; ok is false for a word that is
// unknown.
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

// Server is one address of an MX host, as it was probed. A server that could not be asked is left out.
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

// Codes with which Exchange Online queues mail, the first digit 4, and returns it, the first digit 5.
const (
	CodeSTARTTLS = "5.7.321" // starttls-not-supported
	CodeExpired  = "5.7.322" // certificate-expired
	CodeTLSA     = "5.7.323" // tlsa-invalid
	CodeDNSSEC   = "5.7.324" // dnssec-invalid
)

// Prediction is what Exchange Online would do, and why.
type Prediction struct {
	Outcome Outcome
	Code    string // when the outcome is Queue; empty where Microsoft documents none
	Reason  Reason
}

// Reason is why mail is delivered or not.
type Reason string

// Reasons.
const (
	ReasonOff           Reason = "mode_none"      // the connector does not use DANE
	ReasonNoDANE        Reason = "no_dane"        // the destination has no DANE
	ReasonMatch         Reason = "match"          // a server matches its records
	ReasonUnusable      Reason = "unusable"       // no record can be used, and TLS is there
	ReasonWithoutRecord Reason = "without_record" // a server without records takes the mail
	ReasonSTARTTLS      Reason = "no_starttls"
	ReasonMismatch      Reason = "tlsa_mismatch"
	ReasonBogus         Reason = "bogus"
)

// Predict tells what Exchange Online does with mail for a domain with these servers, best first. Without servers
// nothing is known, and the prediction is zero unless the mode is Off.
//
// Exchange Online goes on to the next MX host if one fails, and holds the mail only if DNSSEC is signalled and wrong,
// or if all hosts have TLSA records and none matches or offers TLS. Under Mandatory a host without records is no way
// out.
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

// hasRecords reports whether the server's host has TLSA records, or signatures that are wrong.
func (s Server) hasRecords() bool {
	return s.Status != probes.DANENone && s.Status != probes.DANEInsecure
}

// predict tells what one server means for the mail.
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
