package daemon

import (
	"context"
	"log/slog"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/inventory/exchangeonline"
	"m365_connector_exporter/probes/mailflow"
)

// readTenants passes the tenants that are read from Exchange Online to the reader. What it reads later is used after a
// reload: the configuration observes the reader like a file.
func (d *Daemon) readTenants(ctx context.Context, cfg *config.Config) {
	reader := d.loader.Reader()
	if err := reader.SetTenants(ctx, cfg.Live(), cfg.ExchangeOnline); err != nil {
		d.log.Error("the last good inventory is not kept over restarts", slog.Any("err", err))
	}
	d.store.SetSources(reader.States())
}

// recordRead exposes the outcome of a read, and logs it if it differs from the previous one.
func (d *Daemon) recordRead(e exchangeonline.Event) {
	d.store.SetSource(e.Tenant, e.State)
	tenant := slog.String("tenant", e.Tenant)
	if e.Cache != nil {
		d.log.Error("the inventory is not kept over restarts", tenant, slog.Any("err", e.Cache))
	}
	now, failed := e.State.Failed()
	was, failedBefore := e.Before.Failed()
	switch {
	case failed && (!failedBefore || was.Reason != now.Reason || was.Message != now.Message):
		why := []any{
			tenant, slog.String("cmdlet", now.Cmdlet), slog.String("reason", now.Reason), slog.String("why", now.Message),
		}
		if e.State.Success.IsZero() {
			d.log.Error("Exchange Online cannot be read; nothing has been read yet", why...)
		} else {
			d.log.Error("Exchange Online cannot be read; the records that were read before stay in use",
				append(why, slog.Time("last_good", e.State.Success))...)
		}
	case !failed && (failedBefore || e.Before.Read.IsZero()):
		d.log.Info("Exchange Online was read", tenant)
	}
	if !failed {
		d.logOptional(e, tenant)
	}
}

// logOptional logs the optional cmdlets that fail for another reason than at the read before, or no longer.
func (d *Daemon) logOptional(e exchangeonline.Event, tenant slog.Attr) {
	before := map[string]mailflow.CmdletState{}
	for _, c := range e.Before.Cmdlets {
		before[c.Cmdlet] = c
	}
	for _, c := range e.State.Cmdlets {
		was, known := before[c.Cmdlet]
		switch {
		case !c.OK && (!known || was.OK || was.Reason != c.Reason):
			d.log.Warn("a cmdlet fails; checks that need it may not be judged", tenant,
				slog.String("cmdlet", c.Cmdlet), slog.String("reason", c.Reason), slog.String("why", c.Message))
		case c.OK && known && !was.OK:
			d.log.Info("a cmdlet succeeds again", tenant, slog.String("cmdlet", c.Cmdlet))
		}
	}
}
