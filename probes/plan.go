package probes

import (
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// OverridesFunc returns the `probe` sections of the configuration that apply to a connector (and, inbound, to a
// sender), outermost first: global, tenant, connector, sender. sender is "" for outbound paths.
type OverridesFunc func(tenant string, direction mailflow.Direction, connector, sender string) []SettingsOverride

// Plan returns the paths of all connectors, in the order of the configuration, for each tenant outbound before inbound.
// An outbound connector has one path for each smart host or, if it routes by MX, for each recipient domain; an inbound
// connector has one for each sender. Paths that are not probed are included, with the reason.
//
// hostname is the name in EHLO if the configuration sets none.
func Plan(tenants []mailflow.Tenant, overrides OverridesFunc, hostname string) []Path {
	var paths []Path
	for _, t := range tenants {
		paths = append(paths, planOutbound(t, overrides, hostname)...)
		paths = append(paths, planInbound(t, overrides, hostname)...)
	}
	return slices.Clone(paths) // without unused capacity, since the daemon keeps it
}

// validationSender is the local part, with the @, of the sender that Microsoft's connector validation uses. The domain
// is one of the tenant.
const validationSender = "O365ConnectorValidation@"

// mailFrom returns the MAIL FROM of probes, "" for the null sender: the configured one, or Microsoft's validation
// sender at domain.
func mailFrom(configured, domain string) string {
	switch {
	case configured == "<>":
		return ""
	case configured != "":
		return configured
	case domain != "":
		return validationSender + domain
	default:
		return ""
	}
}

// domainOf returns the domain of a mail address, "" if it has none.
func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return domain
}

// notProbed returns why the daemon does not probe a connector, "" if it does.
func notProbed(c mailflow.Common, testMode bool, s Settings) string {
	switch {
	case c.NotExported:
		return "the connector is in no export of the tenant (see standalone)"
	case !c.IsEnabled():
		return "the connector is disabled"
	case testMode:
		return "the connector is in test mode"
	case !s.Enabled:
		return "probing is switched off (probe.enabled: false)"
	default:
		return ""
	}
}
