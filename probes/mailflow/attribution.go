package mailflow

import (
	"fmt"
	"net/netip"
	"strings"
)

// InboundMessage is a message that arrives at Exchange Online.
type InboundMessage struct {
	Address     netip.Addr         // of the connecting server; the zero value if it is not known
	Certificate *ClientCertificate // nil: none is presented
	TLS         bool
	MailFrom    string // domain; "" is the null sender
	RcptTo      string // domain
}

// AttributionBasis is the criterion by which a message is attributed. The values are used as label values.
type AttributionBasis string

// The criteria in their documented order (MC1226222), strongest first.
const (
	BasisCertificate AttributionBasis = "certificate"
	BasisMailFrom    AttributionBasis = "mail_from"
	BasisRcptTo      AttributionBasis = "rcpt_to"
	BasisNone        AttributionBasis = "none"
)

// String returns the criterion as text, such as "MAIL FROM".
func (b AttributionBasis) String() string {
	switch b {
	case BasisMailFrom:
		return "MAIL FROM"
	case BasisRcptTo:
		return "RCPT TO"
	default:
		return string(b)
	}
}

// Attribution is a prediction of what Exchange Online does with a message.
type Attribution struct {
	Message      InboundMessage
	AlsoFrom     []string         // other MAIL FROM domains of the sender with the same outcome, at most MaxAlsoFrom
	AlsoFromMore int              // how many more of them are not listed
	Tenants      []string         // that qualify by Basis; more than one is ambiguous
	Connector    string           // of the tenant, if exactly one tenant qualifies and one of its connectors matches
	AlsoMatching []string         // its other connectors that match by the same criterion, at most MaxAlsoMatching
	Basis        AttributionBasis // the strongest criterion that any tenant meets
	Relay        bool             // mail to recipients outside the tenant is accepted
	Reply        string           // the predicted refusal, "550 5.7.64 ..."; "" if there is none
	// The refusal is that of mail from a domain of the tenant that matches no connector (RejectDirectSend).
	DirectSendRejected bool
	Risk               string      // why the attribution may change if Microsoft moves a tenant; "" if it should not
	RiskOther          OverlapPeer // the other tenant's connector that Risk names; the zero value if it names none
	Uncertain          []string    // undocumented rules that the prediction depends on
	Trace              []string    // each step with the names and addresses compared, at most MaxTrace
}

// Bounds of an attribution.
const (
	MaxAlsoFrom     = 16 // other MAIL FROM domains
	MaxAlsoMatching = 8  // other connectors
	MaxTrace        = 40 // lines of the trace
)

// From returns the first MAIL FROM domains with this outcome, and the number of the others; "" is the null sender.
func (a Attribution) From() string {
	return listOf(append([]string{a.Message.MailFrom}, a.AlsoFrom...), 1+len(a.AlsoFrom)+a.AlsoFromMore)
}

// Ambiguous reports whether more than one tenant qualifies by the same criterion.
func (a Attribution) Ambiguous() bool { return len(a.Tenants) > 1 }

// Reaches reports whether the message is attributed to that tenant only, through that connector, and not refused.
func (a Attribution) Reaches(tenant, connector string) bool {
	return len(a.Tenants) == 1 && a.Tenants[0] == tenant && a.Connector == connector && a.Reply == ""
}

// RiskWithoutNames returns Risk without the name of another tenant.
func (a Attribution) RiskWithoutNames() string {
	if a.RiskOther == (OverlapPeer{}) {
		return a.Risk
	}
	return fmt.Sprintf("another tenant lists %s too, so only %s attributes the message (MC1226222)", a.Message.Address,
		a.Basis)
}

// What Microsoft has not documented about the text of a refusal, while the refusal itself is documented.
const (
	uncertainStep        = "the SMTP step of 5.7.64 (RCPT TO by all evidence) and the text after it are not documented"
	uncertainPartnerStep = "the SMTP step of 5.7.51 (RCPT TO, by reports) is not documented"
	uncertainRefusal     = "a client certificate that does not verify is refused with 454 4.7.0 (KB 2888788) or its " +
		"mail with 5.7.64 (KB 3212877)"
)

// VerdictUncertainties returns the undocumented rules that the tenant, the basis and the relay depend on: Uncertain
// without those that concern only the text of a refusal.
func (a Attribution) VerdictUncertainties() []string {
	var reasons []string
	for _, why := range a.Uncertain {
		switch why {
		case uncertainStep, uncertainRefusal, uncertainPartnerStep, uncertainDirectSendStep:
		default:
			reasons = append(reasons, why)
		}
	}
	return reasons
}

// maxListed bounds how many names a sentence lists.
const maxListed = 5

// list returns the first items as text, and the number of the others.
func list(items []string) string { return listOf(items, len(items)) }

// listOf is list for total items of which only the first are given.
func listOf(items []string, total int) string {
	items = atMost(maxListed, items)
	if total > len(items) {
		return fmt.Sprintf("%s and %d more", strings.Join(items, ", "), total-len(items))
	}
	return strings.Join(items, ", ")
}
