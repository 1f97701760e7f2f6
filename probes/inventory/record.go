package inventory

import (
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// kindOf returns the kind of a record by its keys, whatever the name of the file. If it is of no kind, it returns 0 and
// what the record probably is instead.
func kindOf(record Value) (Kind, other) {
	has := func(keys ...string) bool {
		return slices.ContainsFunc(record.Keys, func(k string) bool { return slices.Contains(keys, k) })
	}
	switch {
	case has("resourcename"):
		return kindOfResource(record), notConnector
	case has("cmdlet") && kindOfCmdlet(mailflow.Cmdlet(record.get("cmdlet", Text).Text)) != 0:
		return kindOfCmdlet(mailflow.Cmdlet(record.get("cmdlet", Text).Text)), 0
	case has(sendKeys...):
		return 0, sendConnector
	case has(receiveKeys...):
		return 0, receiveConnector
	case has("domainname") && has("domaintype", "initialdomain", "default", "matchsubdomains", "outboundonly"):
		return AcceptedDomains, 0
	case has("smarthosts", "usemxrecord", "recipientdomains", "tlssettings"):
		return OutboundConnectors, 0
	case has("senderdomains", "senderipaddresses", "requiretls", "tlssendercertificatename"):
		return InboundConnectors, 0
	case has("connectortype"):
		return kindOfConnector(record)
	default:
		return kindOfReport(has), notConnector
	}
}

// kindOfReport returns the kind of a record of an optional kind, 0 for any other record.
func kindOfReport(has func(keys ...string) bool) Kind {
	switch {
	case has("rejectdirectsend"):
		return OrganizationConfigs
	case has("routemessageoutboundconnector"), has("state") && has("mode") && has("priority"):
		return TransportRules
	case has("connectorid") && !has("messageid", "internalmessageid", "eventid"): // which a message trace has
		return BlockedConnectors
	case has("serverfqdn"):
		return OnPremServers
	case has("blockingscenario"):
		return Exemptions
	case has("dnssecfeaturestatus"):
		return DNSSECStatuses
	case has("smtpdaneinboundstatus"):
		return DANEStatuses
	case has("domain") && has("connectorname", "outboundconnector"):
		return ConnectorRoutes
	default:
		return 0
	}
}

// kindOfConnector returns the kind of a connector that lacks the most important properties, because the export selected
// others.
func kindOfConnector(record Value) (Kind, other) {
	only := func(properties []Property) bool {
		return slices.ContainsFunc(properties, func(p Property) bool {
			return slices.Contains(record.Keys, strings.ToLower(p.Name))
		})
	}
	switch outbound, inbound := only(outboundOnly), only(inboundOnly); {
	case outbound && !inbound:
		return OutboundConnectors, 0
	case inbound && !outbound:
		return InboundConnectors, 0
	default:
		return 0, noDirection
	}
}

// kindOfResource returns the kind of a resource of Microsoft365DSC, in the output of ConvertTo-DSCObject or a JSON
// report.
func kindOfResource(record Value) Kind {
	if strings.EqualFold(record.get("ensure", Text).Text, "Absent") {
		return 0
	}
	switch strings.ToLower(record.get("resourcename", Text).Text) {
	case "exoaccepteddomain":
		return AcceptedDomains
	case "exooutboundconnector":
		return OutboundConnectors
	case "exoinboundconnector":
		return InboundConnectors
	default:
		return 0
	}
}
