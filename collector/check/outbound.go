package check

import (
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// outboundChecks judge how an outbound connector is configured.
func outboundChecks() []Check {
	return []Check{
		{
			Code: "smart_hosts_missing", Severity: Critical,
			Title:    "A connector that does not use the MX record has no smart host",
			When:     "UseMXRecord is false and SmartHosts is empty",
			Remedy:   "Add a smart host, or set UseMXRecord to true.",
			Source:   "Set-OutboundConnector, SmartHosts: required when UseMXRecord is false",
			Silences: []string{"connector_not_probeable"},
			Find: eachOutbound(func(_ *Facts, _ *mailflow.Tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.UseMXRecord == mailflow.No && len(c.SmartHosts) == 0 {
					report(Finding{Evidence: []string{"UseMXRecord is false and SmartHosts is empty."}})
				}
			}),
		},
		{
			Code: "smart_hosts_ignored", Severity: Warning,
			Title:  "A connector that uses the MX record also has smart hosts",
			When:   "UseMXRecord is true and SmartHosts is not empty",
			Remedy: "Remove the smart hosts, or set UseMXRecord to false if mail is meant to go to them.",
			Source: "Set-OutboundConnector, UseMXRecord",
			Find: eachOutbound(func(_ *Facts, _ *mailflow.Tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.UseMXRecord == mailflow.Yes && len(c.SmartHosts) > 0 {
					report(Finding{Evidence: []string{"UseMXRecord is true, so these smart hosts are not used: " + strings.Join(c.SmartHosts, ", ") + "."}})
				}
			}),
		},
	}
}
