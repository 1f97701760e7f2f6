package mtasts

import (
	"fmt"
	"slices"
	"strings"
)

// ConnectorMode is a connector's MtaStsMode (Set-OutboundConnector).
type ConnectorMode string

// Modes of a connector. There is no Mandatory.
const (
	Opportunistic ConnectorMode = "Opportunistic" // the default: policies are applied
	Off           ConnectorMode = "None"
)

// ParseConnectorMode returns the mode of a connector's property. An absent one is Opportunistic; ok is false for a word
// that is unknown.
func ParseConnectorMode(value string) (mode ConnectorMode, ok bool) {
	switch strings.ToLower(value) {
	case "", "opportunistic":
		return Opportunistic, true
	case "none":
		return Off, true
	}
	return "", false
}

// Server is one address of an MX host, as it was probed.
type Server struct {
	Host string
	TLS  TLS
	// Problem is why the certificate is not valid for the host, for people; empty if it is.
	Problem string
}

// TLS is what is known of a server's STARTTLS.
type TLS uint8

// What may be known. With TLSUnknown, the server was not reached or its certificate could not be judged.
const (
	TLSUnknown TLS = iota
	TLSMissing     // STARTTLS is not offered or refused, or the handshake fails
	TLSPresent     // a handshake showed a certificate
)

// Outcome is what Exchange Online does with the mail.
type Outcome string

// Outcomes.
const (
	Deliver       Outcome = "deliver"
	Queue         Outcome = "queue"          // for 24 hours, then the mail is returned
	NotApplicable Outcome = "not_applicable" // no policy has to be applied
)

// Codes with which Exchange Online queues mail, the first digit 4, and returns it, the first digit 5.
const (
	CodeMX          = "5.4.8" // the policy does not list the MX host
	CodeCertificate = "5.7.5" // the certificate is not valid for the MX host
)

// Prediction is what Exchange Online would do, and why. The zero value is "not known".
type Prediction struct {
	Outcome  Outcome
	Code     string // when the outcome is Queue; empty where Microsoft documents none
	Reason   Reason
	Evidence []string // what is wrong with each server, for people
}

// Reason is why mail is delivered or not.
type Reason string

// Reasons.
const (
	ReasonOff         Reason = "mode_none"   // the connector applies no policies
	ReasonNoPolicy    Reason = "no_policy"   // the domain has none, or one that cannot be used
	ReasonNotEnforced Reason = "not_enforce" // the mode of the policy is testing or none
	ReasonMatch       Reason = "match"       // a server is listed, and its certificate is valid
	ReasonMX          Reason = "mx_not_listed"
	ReasonSTARTTLS    Reason = "no_tls"
	ReasonCertificate Reason = "certificate_invalid"
)

// Predict predicts what Exchange Online does with mail to a domain with this policy and these servers, best first. It
// goes on to the next server if one fails, and holds the mail if all do (RFC 8461, section 5). While a listed server is
// not known and no other one is fine, the prediction is zero.
func Predict(mode ConnectorMode, policy *State, servers []Server) Prediction {
	switch {
	case mode == Off:
		return Prediction{Outcome: NotApplicable, Reason: ReasonOff}
	case policy.Mode == Absent, policy.Mode == Invalid:
		return Prediction{Outcome: NotApplicable, Reason: ReasonNoPolicy}
	case policy.Mode == Testing, policy.Mode == None:
		return Prediction{Outcome: NotApplicable, Reason: ReasonNotEnforced}
	case policy.Mode != Enforce || policy.Policy == nil:
		return Prediction{}
	}
	held := make([]Prediction, 0, len(servers))
	for _, s := range servers {
		p := s.predict(policy.Policy)
		if p.Outcome == Deliver {
			return p
		}
		held = append(held, p)
	}
	if len(held) == 0 || slices.ContainsFunc(held, func(p Prediction) bool { return p.Outcome == "" }) {
		return Prediction{}
	}
	all := held[0]
	if i := slices.IndexFunc(held, func(p Prediction) bool { return p.Reason != ReasonMX }); i >= 0 {
		all = held[i] // a listed server is what the mail fails at last
	}
	all.Evidence = nil
	for _, p := range held {
		all.Evidence = append(all.Evidence, p.Evidence...)
	}
	return all
}

// predict predicts what one server means for the mail.
func (s *Server) predict(policy *Policy) Prediction {
	switch {
	case !policy.Matches(s.Host):
		return s.hold(CodeMX, ReasonMX, "the policy does not list "+s.Host)
	case s.TLS == TLSMissing:
		return s.hold("", ReasonSTARTTLS, s.Host+" has no TLS")
	case s.TLS == TLSPresent && s.Problem != "":
		return s.hold(CodeCertificate, ReasonCertificate, fmt.Sprintf("the certificate of %s: %s", s.Host, s.Problem))
	case s.TLS == TLSPresent:
		return Prediction{Outcome: Deliver, Reason: ReasonMatch}
	}
	return Prediction{}
}

func (s *Server) hold(code string, reason Reason, evidence string) Prediction {
	return Prediction{Outcome: Queue, Code: code, Reason: reason, Evidence: []string{evidence}}
}
