package config

import (
	"slices"

	"m365_connector_exporter/probes/inventory"
)

// RecordKeys are the keys of connectors and accepted domains, by the headings of docs/configuration.md.
func RecordKeys() map[string][]string {
	both := []string{"probe", "standalone"}
	keys := map[string][]string{}
	for heading, kind := range map[string]inventory.Kind{
		"`accepted_domains`": inventory.AcceptedDomains, "`outbound_connectors`": inventory.OutboundConnectors,
		"`inbound_connectors`": inventory.InboundConnectors,
	} {
		for _, p := range inventory.Properties(kind) {
			keys[heading] = append(keys[heading], p.Key)
		}
	}
	for _, key := range keys["`outbound_connectors`"] {
		if slices.Contains(keys["`inbound_connectors`"], key) {
			both = append(both, key)
		}
	}
	shared := func(key string) bool { return slices.Contains(both, key) }
	for _, heading := range []string{"`outbound_connectors`", "`inbound_connectors`"} {
		keys[heading] = slices.DeleteFunc(keys[heading], shared)
	}
	keys["Keys of both connectors"] = both
	for heading := range keys {
		slices.Sort(keys[heading])
	}
	return keys
}
