package exchangeonline

// Cmdlet is a cmdlet of a read. None of them changes anything.
type Cmdlet struct {
	Name string
	// Required is set for the cmdlets of accepted domains and connectors. The whole read fails if one of them does.
	Required bool

	parameters map[string]any
	// properties are selected with $select, because a record has hundreds of others; nil selects all.
	properties []string
	// domain is the parameter for the domain if the cmdlet is called once for each domain; "" if it is called once.
	domain string
}

// all makes a cmdlet return more than its first 1,000 records.
var all = map[string]any{"ResultSize": "Unlimited"}

// Cmdlets are the cmdlets of a read, in the order in which they are called. UNCERTAIN: Get-OnPremServerReportInfo and
// the fields of Get-BlockedConnector are not documented.
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
