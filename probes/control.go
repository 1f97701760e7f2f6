package probes

import (
	"slices"
	"time"
)

// Control is a negative control: a session that a server must refuse. It ends at RCPT TO, so that no message is ever
// sent, whatever the server accepts. [Plan] derives the controls of a path from the configuration of its connector.
type Control struct {
	Kind        ControlKind
	MailFrom    string // "" is the null sender <>
	Recipient   string
	Certificate string // the name in the self-signed client certificate; "" presents none
	MustRefuse  ControlRule
	Connector   string // whose configuration requires the refusal; "" if that of no connector does
	// Uncertain is why the server may admit it although it is configured as intended; "" if there is no such reason.
	Uncertain string
}

// SameTrial reports whether two controls try the same session, even if different rules require its refusal.
func (c Control) SameTrial(other Control) bool {
	return c.Kind == other.Kind && c.MailFrom == other.MailFrom && c.Recipient == other.Recipient &&
		c.Certificate == other.Certificate
}

// ControlKind is what a control tries, as in the JSON of paths.
type ControlKind string

// The kinds of control, in the order in which they are run.
const (
	ControlNoCertificate    ControlKind = "no_certificate"          // TLS without a client certificate
	ControlSelfSigned       ControlKind = "self_signed_certificate" // with the name that the connector requires
	ControlClearText        ControlKind = "clear_text"              // no STARTTLS
	ControlForeignRecipient ControlKind = "foreign_recipient"       // relaying
	ControlSpoofedDomain    ControlKind = "spoofed_own_domain"      // MAIL FROM the tenant's own domain
)

// ControlInfo is an entry of the catalogue of controls.
type ControlInfo struct {
	Kind   ControlKind
	Tries  string // what the session tries, for display
	Remedy string // what an administrator can do if the control is admitted
}

// Controls is the catalogue, in the order of ControlKind.
var Controls = []ControlInfo{
	{
		ControlNoCertificate, "TLS without a client certificate",
		"Compare the connector with what is intended: an OnPremises connector that lists addresses (SenderIPAddresses) " +
			"relays for all of them, and a Partner connector refuses only with RestrictDomainsToCertificate. Look for " +
			"unknown connectors, and read the tenant attribution of a message in the message trace.",
	},
	{
		ControlSelfSigned, "a self-signed client certificate with the connector's name",
		"The name alone must not be enough. If a session without a certificate is admitted too, mend that first; if not, " +
			"open a case with Microsoft and require another certificate name meanwhile.",
	},
	{
		ControlClearText, "clear text, without STARTTLS",
		"Exchange Online: check that RequireTls of the connector is true and the connector enabled; a change takes up to " +
			"an hour. Own server: require TLS in the receive connector (Postfix: smtpd_tls_security_level = encrypt) if no " +
			"other server delivers mail to it.",
	},
	{
		ControlForeignRecipient, "a recipient of another organization",
		"Own server: close the relay now. Exchange: remove Ms-Exch-SMTP-Accept-Any-Recipient of ANONYMOUS LOGON from the " +
			"receive connector, and narrow RemoteIPRanges. Postfix: smtpd_relay_restrictions must end with " +
			"reject_unauth_destination, and mynetworks name your own hosts only. Exchange Online: look for an OnPremises " +
			"connector that matches this host, and open a case with Microsoft.",
	},
	{
		ControlSpoofedDomain, "the tenant's own domain as the sender",
		"Check the connector that locks the tenant down: enabled, SenderDomains *, and RestrictDomainsToIPAddresses or " +
			"RestrictDomainsToCertificate with the gateway's values. Set-OrganizationConfig -RejectDirectSend $true refuses " +
			"the own domains from everyone else.",
	},
}

// ControlKinds are all kinds, in order.
var ControlKinds = func() (kinds []ControlKind) {
	for _, c := range Controls {
		kinds = append(kinds, c.Kind)
	}
	return kinds
}()

// Info returns the catalogue entry of a kind, an empty one for a kind that does not exist.
func (k ControlKind) Info() ControlInfo {
	if i := slices.Index(ControlKinds, k); i >= 0 {
		return Controls[i]
	}
	return ControlInfo{}
}

// ControlRule is why a control must be refused.
type ControlRule uint8

// The rules.
const (
	RefuseRelay       ControlRule = iota // only the senders of a connector may relay to other organizations (5.7.64)
	RefuseRestriction                    // a Partner connector restricts its sender domains (5.7.51)
	RefuseClearText                      // a connector requires TLS (454 4.7.0)
	RefuseDirectSend                     // the organization rejects Direct Send (5.7.68)
)

// refusals are the reasons that show that a rule is enforced. A refusal for another reason, such as greylisting, a
// block list or an unknown recipient, proves nothing about the rule.
var refusals = [...][]Reason{
	// A server that does not relay may reply that the recipient is unknown, because it knows only its own.
	RefuseRelay: {
		ReasonRelayDenied, ReasonTenantAttribution, ReasonRecipientRejected, ReasonRecipientUnknown,
		ReasonClientCertificateRequired, ReasonClientCertificateUntrusted, ReasonAuthenticationRequired,
		ReasonTLSRequired, ReasonPartnerRestriction,
	},
	RefuseRestriction: {
		ReasonPartnerRestriction, ReasonClientCertificateRequired, ReasonClientCertificateUntrusted,
	},
	RefuseClearText: {
		// Exchange Online refuses clear text with the reply for a certificate: 454 4.7.0 … Access Denied.
		ReasonTLSRequired, ReasonClientCertificateUntrusted, ReasonTenantAttribution, ReasonRelayDenied,
		ReasonPartnerRestriction,
	},
	RefuseDirectSend: {ReasonDirectSendRejected, ReasonPartnerRestriction},
}

// ControlOutcome is the outcome of a control.
type ControlOutcome string

// The outcomes of controls.
const (
	ControlAdmitted     ControlOutcome = "admitted"     // the server accepted what it must refuse
	ControlRefused      ControlOutcome = "refused"      // the server refused because of the rule
	ControlInconclusive ControlOutcome = "inconclusive" // the session failed for another reason
)

// ControlOutcomes are all outcomes.
var ControlOutcomes = []ControlOutcome{ControlAdmitted, ControlRefused, ControlInconclusive}

// ControlResult is one run of a control at one address.
type ControlResult struct {
	Control       Control
	Host, Address string // as in labels: no address for hosts of Exchange Online
	At            time.Time
	Outcome       ControlOutcome
	Stage         Stage // the last stage that was reached
	Reason        Reason
	Detail        string // what happened, for display; sanitised and bounded
	Reply         Reply  // the server's reply that decided the outcome, if one did
}

// Judge sets the outcome from the step that ended the session, and its stage. If the recipient stage passed, the
// server admitted the control.
func (r *ControlResult) Judge(stage Stage, step Step) {
	r.Stage, r.Reason, r.Reply, r.Detail = stage, step.Reason, step.Reply, step.Detail
	switch {
	case stage == Recipient && step.Outcome == Passed:
		r.Outcome = ControlAdmitted
	case slices.Contains(refusals[r.Control.MustRefuse], step.Reason):
		r.Outcome = ControlRefused
	default:
		r.Outcome = ControlInconclusive
	}
}
