package probes

import (
	"m365_connector_exporter/probes/mailflow"
)

// Layers returns what the configuration says about probing a connector (and, inbound, a sender), outermost first: global,
// tenant, connector, sender. sender is "" for outbound paths.
type Layers func(tenant string, direction mailflow.Direction, connector, sender string) []Layer
