package mailflow

import "net/netip"

// ClientCertificate is the client certificate that a sender presents, as far as attribution needs it.
type ClientCertificate struct {
	CommonName  string
	DNSNames    []string // the SAN's, normalised
	Fingerprint string   // SHA-256 of the leaf's DER, lower-case hex
	Valid       Tri      // chain complete, trusted, in date, not revoked; Unknown where that could not be judged
	Source      string   // where it was seen, for evidence: a file's name, a host, or "assumed"
}

// Names are the names that count: CN and SAN, without repetition, in that order (facts, 3.3).
func (p *ClientCertificate) Names() []string {
	if p == nil {
		return nil
	}
	seen := make(map[string]bool, len(p.DNSNames)+1)
	names := make([]string, 0, len(p.DNSNames)+1)
	for _, name := range append([]string{p.CommonName}, p.DNSNames...) {
		if name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// InboundMessage is one message at Exchange Online's door.
type InboundMessage struct {
	Address     netip.Addr
	Certificate *ClientCertificate // nil: none presented
	TLS         bool
	MailFrom    string // domain; "" is the null sender
	RcptTo      string // domain
}

// AttributionBasis says what a message is attributed by, in the documented order (MC1226222).
type AttributionBasis string

// The grounds, strongest first.
const (
	BasisCertificate AttributionBasis = "certificate"
	BasisMailFrom    AttributionBasis = "mail_from"
	BasisRcptTo      AttributionBasis = "rcpt_to"
	BasisNone        AttributionBasis = "none"
)

// Attribution foretells what Exchange Online makes of an arrival, after section 3.8 of the facts.
type Attribution struct {
	Message      InboundMessage
	AlsoFrom     []string // other MAIL FROM domains of the sender with the same outcome, at most MaxAlsoFrom
	AlsoFromMore int      // those beyond that
	Tenants      []string // that qualify at the strongest ground reached; more than one is ambiguous
	Connector    string   // of the tenant, where there is exactly one tenant and one of its connectors matched
	AlsoMatching []string // other connectors of that tenant that match alike, both by certificate or both by address, at most MaxAlsoMatching
	Basis        AttributionBasis
	Relay        bool     // mail to recipients outside the tenant is accepted
	Reply        string   // the predicted refusal, "550 5.7.64 TenantAttribution; Relay Access Denied"; "" when nothing is refused
	Risk         string   // why a tenant move may break it; "" when it stands on its own certificate
	Uncertain    []string // the undocumented rules that it rests on
	Trace        []string // each step with the names and addresses compared, at most MaxTrace
}

// From lists the MAIL FROM domains with this outcome, a few of many; "" for the null sender.
func (a Attribution) From() string {
	return listOf(append([]string{a.Message.MailFrom}, a.AlsoFrom...), 1+len(a.AlsoFrom)+a.AlsoFromMore)
}

// MaxTrace bounds an attribution's trace.
const MaxTrace = 40

// MaxAlsoFrom bounds how many other MAIL FROM domains an attribution names.
const MaxAlsoFrom = 16

// MaxAlsoMatching bounds how many other connectors an attribution names.
const MaxAlsoMatching = 8

// VerdictUncertainties are the undocumented rules that tenant, ground and relay rest on: Uncertain without what concerns only how a refusal
// is worded.
func (a Attribution) VerdictUncertainties() []string {
	var doubts []string
	for _, why := range a.Uncertain {
		if why != uncertainStep && why != uncertainRefusal {
			doubts = append(doubts, why)
		}
	}
	return doubts
}

// What Microsoft has not documented about a refusal's words, while the refusal itself is.
const (
	uncertainStep    = "the SMTP step of 5.7.64 (RCPT TO by all evidence) and the text after it are not documented"
	uncertainRefusal = "a client certificate that does not verify is refused with 454 4.7.0 (KB 2888788) or its mail with 5.7.64 (KB 3212877)"
)

// Ambiguous tells that more than one tenant qualifies at the same ground.
func (a Attribution) Ambiguous() bool { return len(a.Tenants) > 1 }

// Reaches tells that the message is that tenant's without doubt, through that connector, and not refused.
func (a Attribution) Reaches(tenant, connector string) bool {
	return len(a.Tenants) == 1 && a.Tenants[0] == tenant && a.Connector == connector && a.Reply == ""
}

// OverlapKind says what two tenants have in common.
type OverlapKind string

// What overlaps are looked for.
const (
	OverlapAddress         OverlapKind = "address"          // overlapping sender addresses
	OverlapFingerprint     OverlapKind = "fingerprint"      // the same certificate
	OverlapCertificateName OverlapKind = "certificate_name" // one connector's TlsSenderCertificateName covers the other's
	OverlapSendConnector   OverlapKind = "send_connector"   // the same on-premises send connector
)

// Overlap is one thing of one tenant that other tenants have too. It is told from each side.
type Overlap struct {
	Kind      OverlapKind
	Tenant    string
	Connector string // inbound; "" for a send connector that no sender of this tenant ties to one
	Sender    string // "" where it is the connector's own value
	Value     string // the prefix, fingerprint, name or "organization/send connector" of this side
	Others    []OverlapPeer
	Count     int // of other tenants, Others may be cut
}

// OverlapPeer is the other side of an overlap.
type OverlapPeer struct{ Tenant, Connector, Sender, Value string }

// MaxOthers bounds how many other sides an Overlap names.
const MaxOthers = 16
