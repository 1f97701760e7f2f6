package exchangeonline

// Cmdlet is a cmdlet that is called. All of them only read.
type Cmdlet struct {
	Name string
	// Required: without it nothing is known of the tenant's connectors, so the whole read fails with it.
	Required bool

	parameters map[string]any
	// properties are requested with $select, where a record has hundreds of others; nil: all.
	properties []string
	// domain is the parameter that names a domain, of a cmdlet that is called for each domain; empty: it is called once.
	domain string
}

// all is how a cmdlet returns more than its first 1,000 records.
var all = map[string]any{"ResultSize": "Unlimited"}

// Cmdlets are those that a read calls, in their order. Get-OnPremServerReportInfo is not documented, and neither are
// the fields of Get-BlockedConnector: UNCERTAIN.
// https://learn.microsoft.com/powershell/module/exchangepowershell
var Cmdlets = []Cmdlet{
	{Name: "Get-AcceptedDomain", Required: true, parameters: all},
	{Name: "Get-InboundConnector", Required: true, parameters: all},
	{Name: "Get-OutboundConnector", Required: true, parameters: map[string]any{
		"ResultSize": "Unlimited", "IncludeTestModeConnectors": true,
	}},
	{Name: "Get-OrganizationConfig", properties: []string{"Name", "Identity", "Guid", "RejectDirectSend"}},
	{Name: "Get-TransportRule", parameters: all, properties: []string{
		"Name", "Identity", "Guid", "State", "Mode", "Priority", "ActivationDate", "ExpiryDate",
		"RouteMessageOutboundConnector",
	}},
	{Name: "Get-BlockedConnector"},
	{Name: "Get-OnPremServerReportInfo"},
	{Name: "Get-TenantExemptionInfo", parameters: map[string]any{"BlockingScenario": "UnpatchedOnPremServer"}},
	{Name: "Get-OutboundConnectorReport", domain: "Domain"},
	{Name: "Get-IPv6StatusForAcceptedDomain", domain: "Domain"},
	{Name: "Get-SmtpDaneInboundStatus", domain: "DomainName"},
	{Name: "Get-DnssecStatusForVerifiedDomain", domain: "DomainName"},
}
