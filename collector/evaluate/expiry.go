package evaluate

import (
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Expiry returns the severity of how soon the certificates that were shown expire, by the configured thresholds:
// Critical once one has expired, at most Warning if the connector demands no valid certificate.
func (r *Report) Expiry(shown *probes.TLS, demanded bool, now time.Time) check.Severity {
	var thresholds check.Thresholds
	if r.inventory != nil {
		thresholds = r.inventory.Thresholds
	}
	severity := thresholds.Expiry(now, shown)
	if !demanded {
		severity = min(severity, check.Warning)
	}
	return severity
}

// IsExchangeOnline reports whether a host is one of Exchange Online's.
func (r *Report) IsExchangeOnline(host string) bool {
	var more []string
	if r.inventory != nil {
		more = r.inventory.ExchangeOnlineHosts
	}
	return mailflow.IsExchangeOnline(host, more)
}
