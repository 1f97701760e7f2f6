package config

import (
	"m365_connector_exporter/probes/mailflow"
)

// What the tests of this package's outside need of its inside.
var PropertyOf = propertyOf

// RecordKeys are the keys of connectors and accepted domains, by the headings of docs/configuration.md.
func RecordKeys() map[string][]string {
	r := &reader{}
	both := r.common(new(mailflow.Common))
	both["probe"] = nil
	return map[string][]string{
		"`accepted_domains`":      sortedKeys(r.domainKeys(new(mailflow.AcceptedDomain))),
		"Keys of both connectors": sortedKeys(both),
		"`outbound_connectors`":   sortedKeys(r.routing(new(mailflow.OutboundConnector))),
		"`inbound_connectors`":    sortedKeys(r.admission(new(mailflow.InboundConnector))),
	}
}
