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

// ParseConnectorMode parses the property of a connector. "" is Opportunistic. ok is false for an unknown word.
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
	// Problem is why the certificate is not valid for the host, for display; "" if it is.
	Problem string
}

// TLS is whether a server supports STARTTLS.
type TLS uint8

// The states of TLS.
const (
	TLSUnknown TLS = iota // the server was not reached, or its certificate could not be evaluated
	TLSMissing            // STARTTLS is not offered or refused, or the handshake fails
	TLSPresent            // the server presented a certificate
)

// Outcome is what Exchange Online does with the mail.
type Outcome string

// Outcomes.
const (
	Deliver       Outcome = "deliver"
	Queue         Outcome = "queue"          // for 24 hours, then the mail is returned
	NotApplicable Outcome = "not_applicable" // no policy applies
)

// Codes with which Exchange Online returns mail. While it queues the mail, the first digit is 4.
const (
	CodeMX          = "5.4.8" // the policy does not list the MX host
	CodeCertificate = "5.7.5" // the certificate is not valid for the MX host
)

// Prediction is what Exchange Online would do, and why. The zero value means that it is unknown.
type Prediction struct {
	Outcome  Outcome
	Code     string // if the outcome is Queue; "" if Microsoft documents none
	Reason   Reason
	Evidence []string // what is wrong with each server, for display
}

// Reason is why mail is delivered or not.
type Reason string

// Reasons.
const (
	ReasonOff         Reason = "mode_none"   // the connector applies no policies
	ReasonNoPolicy    Reason = "no_policy"   // the domain has no usable policy
	ReasonNotEnforced Reason = "not_enforce" // the mode of the policy is testing or none
	ReasonMatch       Reason = "match"       // a server is listed, and its certificate is valid
	ReasonMX          Reason = "mx_not_listed"
	ReasonSTARTTLS    Reason = "no_tls"
	ReasonCertificate Reason = "certificate_invalid"
)

// Predict predicts what Exchange Online does with mail to a domain with this policy and these servers, best first. It
// tries the next server if one fails, and queues the mail if all fail (RFC 8461, section 5). The prediction is zero if
// a listed server is unknown and no other server matches.
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
	failed := make([]Prediction, 0, len(servers))
	for _, s := range servers {
		p := s.predict(policy.Policy)
		if p.Outcome == Deliver {
			return p
		}
		failed = append(failed, p)
	}
	if len(failed) == 0 || slices.ContainsFunc(failed, func(p Prediction) bool { return p.Outcome == "" }) {
		return Prediction{}
	}
	all := failed[0]
	if i := slices.IndexFunc(failed, func(p Prediction) bool { return p.Reason != ReasonMX }); i >= 0 {
		all = failed[i] // the failure of a listed server decides
	}
	all.Evidence = nil
	for _, p := range failed {
		all.Evidence = append(all.Evidence, p.Evidence...)
	}
	return all
}

// predict predicts what happens if Exchange Online tries this server only.
func (s *Server) predict(policy *Policy) Prediction {
	switch {
	case !policy.Matches(s.Host):
		return queue(CodeMX, ReasonMX, "the policy does not list "+s.Host)
	case s.TLS == TLSMissing:
		return queue("", ReasonSTARTTLS, s.Host+" has no TLS")
	case s.TLS == TLSPresent && s.Problem != "":
		return queue(CodeCertificate, ReasonCertificate, fmt.Sprintf("the certificate of %s: %s", s.Host, s.Problem))
	case s.TLS == TLSPresent:
		return Prediction{Outcome: Deliver, Reason: ReasonMatch}
	}
	return Prediction{}
}

func queue(code string, reason Reason, evidence string) Prediction {
	return Prediction{Outcome: Queue, Code: code, Reason: reason, Evidence: []string{evidence}}
}
