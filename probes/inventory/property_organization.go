package inventory

import (
	"strings"
)

// The tables below are the properties of the optional kinds: Field, Key, Name, Type, Judged. No configuration has these
// keys. If Microsoft documents no property of a cmdlet, a field has several possible names; the first is the one that a
// public script or an older document uses.

// organizationConfigProperties are those of Get-OrganizationConfig.
var organizationConfigProperties = []Property{
	{"RejectDirectSend", "reject_direct_send", "RejectDirectSend", flag, false},
}

// transportRuleProperties are those of Get-TransportRule.
// https://learn.microsoft.com/powershell/module/exchangepowershell/set-transportrule
var transportRuleProperties = []Property{
	{"Name", "name", "Name", label, false},
	{"State", "state", "State", enum(0, "Enabled", "Disabled"), false},
	{"Mode", "mode", "Mode", enum(0, "Audit", "AuditAndNotify", "Enforce"), false},
	{"GUID", "guid", "Guid", anyText, false},
	{"Connector", "route_message_outbound_connector", "RouteMessageOutboundConnector", label, false},
	{"Activation", "activation_date", "ActivationDate", moment, false},
	{"Expiry", "expiry_date", "ExpiryDate", moment, false},
	{"", "identity", "Identity", nil, false},
	{"", "priority", "Priority", nil, false},
}

// blockedConnectorProperties are those of Get-BlockedConnector. Only ConnectorId is documented.
var blockedConnectorProperties = []Property{
	{"ConnectorID", "connector_id", "ConnectorId", anyText, false},
	{"Name", "connector_name", "ConnectorName", label, false},
	{"Reason", "reason", "Reason", comment, false},
	{"Since", "created_time", "CreatedTime", moment, false},
}

// onPremServerProperties are those of Get-OnPremServerReportInfo, as PowerShell prints them.
var onPremServerProperties = []Property{
	{"Name", "server_fqdn", "ServerFQDN", label, false},
	{"Build", "build", "Build", anyText, false},
	{"RecommendedBuilds", "recommended_build_versions", "RecommendedBuildVersions", anyTexts, false},
	{"Throttled", "throttle_enabled_date", "ThrottleEnabledDate", moment, false},
	{"Blocked", "blocking_enabled_date", "BlockingEnabledDate", moment, false},
	{"NextStage", "next_stage_start_date", "NextStageStartDate", moment, false},
	{"BlockRate", "next_stage_block_rate", "NextStageBlockRate", anyText, false},
}

// exemptionProperties are those of Get-TenantExemptionInfo. Only the parameter BlockingScenario is documented.
var exemptionProperties = []Property{
	{"Scenario", "blocking_scenario", "BlockingScenario", anyText, false},
	{"Until", "end_date", "EndDate", moment, false},
	{"Until", "exemption_end_date", "ExemptionEndDate", moment, false},
	{"Until", "expiration_date", "ExpirationDate", moment, false},
	{"Until", "expiration_time", "ExpirationTime", moment, false},
}

// connectorRouteProperties are those of Get-OutboundConnectorReport. Domain and Name are the names of 2013.
var connectorRouteProperties = []Property{
	{"Domain", "domain", "Domain", optional(required(ParseDomain)), false},
	{"Domain", "domain_name", "DomainName", optional(required(ParseDomain)), false},
	{"Connector", "name", "Name", label, false},
	{"Connector", "connector_name", "ConnectorName", label, false},
	{"Connector", "outbound_connector", "OutboundConnector", label, false},
}

// ipv6StatusProperties are those of Get-IPv6StatusForAcceptedDomain.
var ipv6StatusProperties = []Property{
	{"Domain", "domain_name", "DomainName", optional(required(ParseDomain)), false},
	{"Domain", "domain", "Domain", optional(required(ParseDomain)), false},
	{"Status", "status", "Status", anyText, false},
}

// daneStatusProperties are those of Get-SmtpDaneInboundStatus.
var daneStatusProperties = []Property{
	{"Domain", "domain_name", "DomainName", optional(required(ParseDomain)), false},
	{"Domain", "domain", "Domain", optional(required(ParseDomain)), false},
	{"Status", "status", "Status", anyText, false},
	{"Status", "smtp_dane_inbound_status", "SmtpDaneInboundStatus", anyText, false},
}

// dnssecStatusProperties are those of Get-DnssecStatusForVerifiedDomain. Its output does not contain the domain, so an
// export must add DomainName.
var dnssecStatusProperties = []Property{
	{"Domain", "domain_name", "DomainName", optional(required(ParseDomain)), false},
	{"Domain", "domain", "Domain", optional(required(ParseDomain)), false},
	{"Status", "dnssec_feature_status", "DnssecFeatureStatus", anyText, false},
	{"MX", "expected_mx_record", "ExpectedMxRecord", expectedMX, false},
}

// expectedMX reads the host in {"Record":"@ 60 IN MX 10 contoso-com.e-v1.mx.microsoft"}, "" in any other value.
func expectedMX(_ Decoder, v Value, _ string) (any, bool) {
	words := strings.Fields(v.get("record", Text).Text)
	if len(words) == 0 {
		return "", true
	}
	host, err := ParseDomain(words[len(words)-1])
	if err != nil {
		return "", true
	}
	return host, true
}
