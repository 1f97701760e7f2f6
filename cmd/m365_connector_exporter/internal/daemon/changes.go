package daemon

import (
	"log/slog"
	"strings"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// maxLoggedChanges bounds how many changed connectors a reload logs. All of them are counted.
const maxLoggedChanges = 100

// recordChanges counts and logs the connectors that differ between two configurations.
func (d *Daemon) recordChanges(before, after *config.Config) {
	changes := after.ChangesSince(before)
	for i, c := range changes {
		d.store.CountChange(c.Tenant, c.Kind)
		if i < maxLoggedChanges {
			d.log.Info("connector "+c.Kind, slog.String("tenant", c.Tenant), slog.String("direction", string(c.Direction)),
				slog.String("connector", c.Connector), slog.String("properties", strings.Join(c.Properties, ",")))
		}
	}
	if more := len(changes) - maxLoggedChanges; more > 0 {
		d.log.Info("more connectors changed than are logged", slog.Int("more", more))
	}
}
