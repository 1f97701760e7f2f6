package collector

import (
	"time"

	"m365_connector_exporter/probes/mailflow"
)

func boolToFloat(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// unixSeconds returns a time as Unix time in seconds, as metrics expose it.
func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// emitTime emits a time, or nothing if it is not known.
func (e *emitter) emitTime(m *Metric, t time.Time) {
	if !t.IsZero() {
		e.emit(m, unixSeconds(t))
	}
}

// emitTri emits a property, or nothing if it is not known.
func (e *emitter) emitTri(m *Metric, value mailflow.Tri) {
	if value != mailflow.Unknown {
		e.emit(m, boolToFloat(value == mailflow.Yes))
	}
}

// inventory emits the series of tenants and their connectors. Of two tenants whose names are the same once sanitized,
// the second has none.
func (e *emitter) inventory(tenants []mailflow.Tenant) {
	for i := range tenants {
		e.skip = false
		e.skip = !e.setLabels(tenantIdentity(tenants[i].Name), tenants[i].Name)
		e.tenant(&tenants[i])
	}
}

func (e *emitter) tenant(t *mailflow.Tenant) {
	e.emitTime(inventoryTimestamp, t.InventoryTime)
	for _, c := range t.Outbound {
		tls := string(c.TLSSettings)
		if tls == "" {
			tls = "none"
		}
		e.connector(t.Name, mailflow.Outbound, c.Common, tls)
		e.emitTri(connectorValidated, c.IsValidated)
		e.emitTime(connectorLastValidation, c.LastValidation)
	}
	for _, c := range t.Inbound {
		e.connector(t.Name, mailflow.Inbound, c.Common, "")
	}
}

func (e *emitter) connector(tenant string, d mailflow.Direction, c mailflow.Common, tls string) {
	e.setLabels(connectorIdentity(tenant, c.Name, d), c.Name)
	e.emit(connectorInfo, 1, string(c.Type), c.Source, tls)
	e.emitTri(connectorEnabled, c.Enabled)
	e.emitTime(connectorLastChanged, c.WhenChanged)
}
