package daemon

import (
	"context"
	"fmt"
	"slices"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory/exchangeonline"
	"m365_connector_exporter/probes/mailflow"
)

// MicrosoftValidation is Microsoft's own validation of an outbound connector.
type MicrosoftValidation struct {
	Tenant     exchangeonline.Tenant
	Connector  string
	Recipients []string
	Tasks      []exchangeonline.Task
	Failure    *exchangeonline.Failure // why there are none
}

// Passed reports whether all tasks succeeded; unknown if that is not known.
func (m *MicrosoftValidation) Passed() mailflow.Tri {
	passed := mailflow.TriOf(len(m.Tasks) > 0)
	for _, t := range m.Tasks {
		switch t.Successful {
		case mailflow.No:
			return mailflow.No
		case mailflow.Unknown:
			passed = mailflow.Unknown
		}
	}
	if m.Failure != nil || len(m.Tasks) == 0 {
		return mailflow.Unknown
	}
	return passed
}

// MicrosoftValidations returns one validation for each outbound connector of the paths.
func MicrosoftValidations(cfg *config.Config, paths []probes.Path) ([]MicrosoftValidation, error) {
	live := cfg.Live()
	var all []MicrosoftValidation
	for _, p := range paths {
		of := func(m MicrosoftValidation) bool { return m.Tenant.Name == p.ID.Tenant && m.Connector == p.ID.Connector }
		if p.ID.Direction != mailflow.Outbound || slices.ContainsFunc(all, of) {
			continue
		}
		i := slices.IndexFunc(live, func(t exchangeonline.Tenant) bool { return t.Name == p.ID.Tenant })
		switch {
		case i < 0:
			return nil, fmt.Errorf("--microsoft: tenant %q has no section exchange_online", p.ID.Tenant)
		case len(p.Recipients) == 0:
			return nil, fmt.Errorf("--microsoft: connector %q has no validation_recipients", p.ID.Connector)
		}
		all = append(all, MicrosoftValidation{Tenant: live[i], Connector: p.ID.Connector, Recipients: p.Recipients})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("--microsoft: no target is an outbound connector")
	}
	return all, nil
}

// ValidateByMicrosoft runs one validation after the other. Each sends a real message to the recipients.
func ValidateByMicrosoft(ctx context.Context, cfg *config.Config, all []MicrosoftValidation) {
	client := exchangeonline.NewClient(exchangeonline.NewHTTPClient(cfg.ExchangeOnline.Roots))
	for i := range all {
		m := &all[i]
		m.Tasks, m.Failure = client.ValidateOutbound(ctx, m.Tenant, m.Connector, m.Recipients)
	}
}

// ReadUnread reads the tenants of Exchange Online that neither were read nor are in the cache folder, and returns the
// configuration with them. It writes nothing to the cache folder, which belongs to the user of the daemon.
func ReadUnread(ctx context.Context, loader *config.Loader, cfg *config.Config) (*config.Config, error) {
	unread := slices.DeleteFunc(cfg.Live(), func(live exchangeonline.Tenant) bool {
		return slices.ContainsFunc(cfg.Tenants, func(t mailflow.Tenant) bool {
			return t.Name == live.Name && t.LoadError == ""
		})
	})
	if len(unread) == 0 {
		return cfg, nil
	}
	options, reader := cfg.ExchangeOnline, loader.Reader()
	options.CacheFolder = ""
	if err := reader.SetTenants(ctx, unread, options); err != nil {
		return nil, err
	}
	reader.ReadUnread(ctx)
	return loader.Load(ctx)
}
