package main

import (
	"crypto/x509"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

// inventoryOf is a configuration as evaluate reads it.
func inventoryOf(cfg *config.Config) *evaluate.Inventory {
	g := cfg.Global
	inventory := &evaluate.Inventory{
		Tenants: cfg.Tenants, ExchangeOnlineHosts: g.ExchangeOnlineHosts, Roots: g.Roots,
		Certificates: map[probes.PathID][][]byte{}, TrustedRoots: map[probes.PathID]*x509.CertPool{},
		Limits: check.ScheduleLimits{
			MaxConcurrent: g.MaxConcurrent, MaxPerAddress: g.MaxConcurrentPerAddress, MinGap: g.MinGapPerAddress,
		},
		Thresholds: cfg.Thresholds, Suppressions: cfg.Suppressions, Severity: severityOf(cfg),
	}
	for i := range cfg.Tenants {
		t := &cfg.Tenants[i]
		for k := range t.Senders {
			s := &t.Senders[k]
			id := evaluate.SenderPath(t.Name, s)
			if m, ok := cfg.Certificate(t.Name, s.Name); ok {
				inventory.Certificates[id] = m.Chain
			}
			if roots := cfg.RootsOf(t.Name, s.Name); roots != nil {
				inventory.TrustedRoots[id] = roots
			}
		}
	}
	return inventory
}

// severityOf returns what a configuration sets for a check. What the tenant sets wins.
func severityOf(cfg *config.Config) func(tenant, code string) (check.Severity, bool) {
	return func(tenant, code string) (check.Severity, bool) {
		word, ok := cfg.TenantChecks(tenant)[code]
		if !ok {
			word, ok = cfg.Checks[code]
		}
		if !ok {
			return check.Off, false
		}
		return check.ParseSeverity(word)
	}
}
