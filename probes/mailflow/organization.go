package mailflow

import (
	"slices"
	"strings"
	"time"
)

// Cmdlet is a cmdlet of Exchange Online PowerShell whose records are evaluated.
type Cmdlet string

// The cmdlets. The first three describe the accepted domains and connectors and are required. The others are optional:
// checks that need the records of one are skipped while these are unknown.
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

// OptionalCmdlets are the cmdlets that may fail, in the order of the documentation.
var OptionalCmdlets = []Cmdlet{
	GetOrganizationConfig, GetTransportRule, GetBlockedConnector, GetOnPremServerReport, GetTenantExemption,
	GetOutboundReport, GetIPv6Status, GetSMTPDANEInboundStatus, GetDNSSECStatus,
}

// Organization are the records of a tenant besides its connectors and accepted domains. An empty list means "none" only
// if its cmdlet is in Read.
type Organization struct {
	// Read are the cmdlets whose records are known, even if there are none.
	Read []Cmdlet
	// Failed has the error of each cmdlet that was called and failed, for display.
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

// TransportRule is the part of a mail flow rule (Get-TransportRule) that concerns connectors.
type TransportRule struct {
	Name       string
	State      string // Enabled, Disabled; "" if it is not known
	Mode       string // Enforce, Audit, AuditAndNotify; "" if it is not known
	GUID       string
	Connector  string    // RouteMessageOutboundConnector: a name or GUID; "" if the rule routes to none
	Activation time.Time // when the rule begins to apply; zero if it applies at once
	Expiry     time.Time // when the rule ceases to apply; zero if it never does
}

// AppliesAt reports whether the rule acts on mail at a given time.
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

// OnPremServer is an Exchange server that sends mail through an OnPremises connector, with its version
// (Get-OnPremServerReportInfo). Exchange Online first throttles outdated servers (450 4.7.230) and then blocks them
// (550 5.7.230).
type OnPremServer struct {
	Name               string // ServerFQDN
	Build              string
	RecommendedBuilds  []string
	Throttled, Blocked time.Time // when throttling and blocking begin or began; zero if it is not known or not planned
	NextStage          time.Time
	BlockRate          string // NextStageBlockRate: minutes of each hour
}

// Exemption pauses this enforcement for at most 90 days a year (Get-TenantExemptionInfo). Microsoft does not document
// its fields.
type Exemption struct {
	Scenario string    // BlockingScenario, such as UnpatchedOnPremServer
	Until    time.Time // zero if it is not known
}

// unpatchedServer is the scenario of exemptions from the enforcement of server versions.
const unpatchedServer = "UnpatchedOnPremServer"

// PausedAt reports whether the enforcement of server versions is paused, and until when; until is zero if that is not
// known.
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

// ConnectorRoute lists the outbound connectors that Exchange Online uses for a domain (Get-OutboundConnectorReport).
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

// StatusOf returns the state of a feature for a domain, "" if it is not known.
func StatusOf(all []DomainStatus, domain string) string {
	for _, s := range all {
		if s.Domain == domain {
			return s.Status
		}
	}
	return ""
}
