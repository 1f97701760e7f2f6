package microsoft365

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// cmdlet describes what a cmdlet accepts.
type cmdlet struct {
	parameters []string
	perDomain  string // the parameter that names the domain it answers for
	required   bool   // perDomain must be given
}

// cmdlets are the cmdlets that the server knows: those that a monitor reads, and Validate-OutboundConnector, which
// sends a message. Parameters are those that Microsoft documents and a monitor may use.
var cmdlets = map[string]cmdlet{
	"Get-AcceptedDomain":         {parameters: []string{"Identity", "ResultSize"}},
	"Get-InboundConnector":       {parameters: []string{"Identity", "ResultSize"}},
	"Get-OutboundConnector":      {parameters: outboundParameters},
	"Get-OrganizationConfig":     {},
	"Get-TransportRule":          {parameters: []string{"Filter", "Identity", "ResultSize", "State"}},
	"Get-BlockedConnector":       {parameters: []string{"ConnectorId"}},
	"Get-OnPremServerReportInfo": {},
	"Get-TenantExemptionInfo":    {parameters: []string{"BlockingScenario"}},
	"Get-MailFlowStatusReport":   {parameters: []string{"Domain", "EndDate", "StartDate"}},
	"Get-OutboundConnectorReport": {
		parameters: []string{"Domain", "ProbeTag"}, perDomain: "Domain",
	},
	"Get-IPv6StatusForAcceptedDomain": {parameters: []string{"Domain"}, perDomain: "Domain"},
	"Get-SmtpDaneInboundStatus":       {parameters: []string{"DomainName"}, perDomain: "DomainName", required: true},
	"Get-DnssecStatusForVerifiedDomain": {
		parameters: []string{"DomainName", "SkipDnsValidation", "SkipMtaStsValidation", "SkipMxValidation"},
		perDomain:  "DomainName", required: true,
	},
	"Validate-OutboundConnector": {parameters: []string{"Identity", "Recipients"}},
}

var outboundParameters = []string{"Identity", "IncludeTestModeConnectors", "IsTransportRuleScoped", "ResultSize"}

// run returns the records of a cmdlet, or the exception and message of why it fails.
func (c cmdlet) run(
	t *Tenant, name string, parameters map[string]json.RawMessage,
) (records []json.RawMessage, exception, message string) {
	for given := range parameters {
		if !slices.Contains(c.parameters, given) {
			return nil, ambiguous, fmt.Sprintf("Parameter set cannot be resolved using the specified named parameters: "+
				"a parameter cannot be found that matches parameter name '%s'.", given)
		}
	}
	if c.perDomain != "" {
		var domain string
		if raw, ok := parameters[c.perDomain]; ok && json.Unmarshal(raw, &domain) != nil || c.required && domain == "" {
			return nil, transformation, fmt.Sprintf("Cannot process argument transformation on parameter '%s'.", c.perDomain)
		}
		return t.Records[strings.TrimSpace(name+" "+strings.ToLower(domain))], "", ""
	}
	records = t.Records[name]
	switch name {
	case "Get-OutboundConnector":
		return selectOutbound(records, parameters)
	case "Validate-OutboundConnector":
		exception, message = t.validates(parameters)
	}
	return records, exception, message
}

// validates returns why a connector cannot be validated: it does not exist, or there is no recipient.
func (t *Tenant) validates(parameters map[string]json.RawMessage) (exception, message string) {
	var identity string
	var recipients []string
	if json.Unmarshal(parameters["Identity"], &identity) != nil ||
		json.Unmarshal(parameters["Recipients"], &recipients) != nil || len(recipients) == 0 {
		return transformation, "Cannot process argument transformation on parameter 'Recipients'."
	}
	for _, raw := range t.Records["Get-OutboundConnector"] {
		var connector struct{ Name string }
		if json.Unmarshal(raw, &connector) == nil && connector.Name == identity {
			return "", ""
		}
	}
	return missingObject,
		fmt.Sprintf("The operation couldn't be performed because object '%s' couldn't be found.", identity)
}

// selectOutbound leaves out connectors in test mode unless the parameters include them, as Exchange Online does.
func selectOutbound(
	records []json.RawMessage, parameters map[string]json.RawMessage,
) (selected []json.RawMessage, exception, message string) {
	include, scoped, wantScope := false, false, false
	if raw, ok := parameters["IncludeTestModeConnectors"]; ok && json.Unmarshal(raw, &include) != nil {
		return nil, transformation, "Cannot process argument transformation on parameter 'IncludeTestModeConnectors'."
	}
	if raw, ok := parameters["IsTransportRuleScoped"]; ok {
		if wantScope = true; json.Unmarshal(raw, &scoped) != nil {
			return nil, transformation, "Cannot process argument transformation on parameter 'IsTransportRuleScoped'."
		}
	}
	for _, raw := range records {
		var connector struct{ TestMode, IsTransportRuleScoped bool }
		_ = json.Unmarshal(raw, &connector) // a record of another shape is in no test mode
		if (include || !connector.TestMode) && (!wantScope || connector.IsTransportRuleScoped == scoped) {
			selected = append(selected, raw)
		}
	}
	return selected, "", ""
}
