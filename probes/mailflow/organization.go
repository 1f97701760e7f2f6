package mailflow

import (
	"slices"
	"strings"
	"time"
)

// Cmdlet is a cmdlet of Exchange Online PowerShell that returns what is judged here.
type Cmdlet string

// The cmdlets. The first three describe the connectors and are always needed. What rests on one of the others is not
// judged while its records are not known.
// https://learn.microsoft.com/powershell/module/exchangepowershell
const (
	GetAcceptedDomain        Cmdlet = "Get-AcceptedDomain"
	GetInboundConnector      Cmdlet = "Get-InboundConnector"
	GetOutboundConnector     Cmdlet = "Get-OutboundConnector"
	GetOrganizationConfig    Cmdlet = "Get-OrganizationConfig"
	GetTransportRule         Cmdlet = "Get-TransportRule"
	GetBlockedConnector      Cmdlet = "Get-BlockedConnector"
	GetOnPremServerReport    Cmdlet = "Get-OnPremServerReportInfo"
	GetTenantExemption       Cmdlet = "Get-TenantExemptionInfo"
	GetOutboundReport        Cmdlet = "Get-OutboundConnectorReport"
	GetIPv6Status            Cmdlet = "Get-IPv6StatusForAcceptedDomain"
	GetSMTPDANEInboundStatus Cmdlet = "Get-SmtpDaneInboundStatus"
	GetDNSSECStatus          Cmdlet = "Get-DnssecStatusForVerifiedDomain"
)

// OptionalCmdlets are those that may fail, in the order of the documentation.
var OptionalCmdlets = []Cmdlet{
	GetOrganizationConfig, GetTransportRule, GetBlockedConnector, GetOnPremServerReport, GetTenantExemption,
	GetOutboundReport, GetIPv6Status, GetSMTPDANEInboundStatus, GetDNSSECStatus,
}

// Organization is what Exchange Online reports about a tenant besides its connectors and accepted domains. An empty
// list means "none" only if its cmdlet was read.
type Organization struct {
	// Read are the cmdlets whose records are known, even if there is none.
	Read []Cmdlet
	// Failed are cmdlets that were called and returned no records, and why, for people.
	Failed map[Cmdlet]string

	RejectDirectSend Tri // Get-OrganizationConfig
	Rules            []TransportRule
	Blocked          []BlockedConnector
	Servers          []OnPremServer
	Exemptions       []Exemption
	Routes           []ConnectorRoute
	IPv6             []DomainStatus // Get-IPv6StatusForAcceptedDomain
	DANE             []DomainStatus // Get-SmtpDaneInboundStatus
	DNSSEC           []DomainStatus // Get-DnssecStatusForVerifiedDomain
}

// HasRead reports whether the records of a cmdlet are known.
func (o *Organization) HasRead(c Cmdlet) bool { return slices.Contains(o.Read, c) }

// TransportRule is a mail flow rule (Get-TransportRule), as far as connectors depend on it.
type TransportRule struct {
	Name       string
	State      string // Enabled, Disabled; "" if it is not known
	Mode       string // Enforce, Audit, AuditAndNotify; "" if it is not known
	GUID       string
	Connector  string    // RouteMessageOutboundConnector: a name or GUID; "" if the rule routes to none
	Activation time.Time // the rule applies from then on; zero: always
	Expiry     time.Time // the rule applies until then; zero: for ever
}

// AppliesAt reports whether the rule acts on mail at a time, and whether that is known.
func (r *TransportRule) AppliesAt(now time.Time) Tri {
	switch {
	case r.State == "Disabled", r.Mode == "Audit", r.Mode == "AuditAndNotify":
		return No
	case !r.Activation.IsZero() && now.Before(r.Activation), !r.Expiry.IsZero() && !now.Before(r.Expiry):
		return No
	case r.State == "Enabled" && r.Mode == "Enforce":
		return Yes
	default:
		return Unknown
	}
}

// BlockedConnector is an inbound connector that Microsoft has blocked because it seems compromised
// (Get-BlockedConnector): mail through it is refused with 550 5.7.711. Microsoft documents only that a connector is
// identified by a GUID; the other fields are those that a public script reads.
type BlockedConnector struct {
	ConnectorID string
	Name        string
	Reason      string
	Since       time.Time // zero if it is not known
}

// OnPremServer is a server that hands mail to an OnPremises connector, and its Exchange version
// (Get-OnPremServerReportInfo). Exchange Online throttles an outdated one (450 4.7.230) and then blocks it
// (550 5.7.230).
type OnPremServer struct {
	Name               string // ServerFQDN
	Build              string
	RecommendedBuilds  []string
	Throttled, Blocked time.Time // when throttling and blocking begin or began; zero if it is not known or not planned
	NextStage          time.Time
	BlockRate          string // NextStageBlockRate: minutes of each hour
}

// Exemption is a pause of that enforcement (Get-TenantExemptionInfo), of at most 90 days in a year. Its fields are not
// documented.
type Exemption struct {
	Scenario string    // BlockingScenario, such as UnpatchedOnPremServer
	Until    time.Time // zero if it is not known
}

// unpatchedServer is the scenario of exemptions from the enforcement of server versions.
const unpatchedServer = "UnpatchedOnPremServer"

// PausedAt returns until when the enforcement of server versions is paused, and whether it is. The end is zero if it is
// not known.
func (o *Organization) PausedAt(now time.Time) (until time.Time, paused bool) {
	for _, e := range o.Exemptions {
		other := e.Scenario != "" && !strings.EqualFold(e.Scenario, unpatchedServer)
		ended := !e.Until.IsZero() && !now.Before(e.Until)
		if other || ended {
			continue
		}
		paused = true
		if e.Until.After(until) {
			until = e.Until
		}
	}
	return until, paused
}

// ConnectorRoute is the outbound connectors that Exchange Online uses for a domain (Get-OutboundConnectorReport).
type ConnectorRoute struct {
	Domain    string
	Connector string   // "" if mail for the domain uses none
	More      []string // other connectors that the report names for the domain
}

// DomainStatus is the state of a feature for an accepted domain.
type DomainStatus struct {
	Domain string
	Status string // Enabled, Disabled, or as exported
	MX     string // the record that Exchange Online expects; only of DNSSEC
}

// StatusOf returns the state of a feature for a domain; "" if it is not known.
func StatusOf(all []DomainStatus, domain string) string {
	for _, s := range all {
		if s.Domain == domain {
			return s.Status
		}
	}
	return ""
}
