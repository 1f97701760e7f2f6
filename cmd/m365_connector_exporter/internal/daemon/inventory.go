package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/prometheus/common/version"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/schedule"
	"m365_connector_exporter/probes/smtpprobe"
)

// Plan returns the paths of a configuration. Those without a configured hello_name use helloName in EHLO.
func Plan(cfg *config.Config, helloName string) []probes.Path {
	return probes.Plan(cfg.Tenants, cfg.Layers, helloName)
}

// Inventory returns the part of a configuration that evaluate needs.
func Inventory(cfg *config.Config) *evaluate.Inventory {
	g := cfg.Global
	inventory := &evaluate.Inventory{
		Tenants: cfg.Tenants, ExchangeOnlineHosts: g.ExchangeOnlineHosts, Roots: g.Roots,
		TrustStores:  trustStores(g),
		Certificates: map[probes.PathID][][]byte{}, TrustedRoots: map[probes.PathID]*x509.CertPool{},
		Limits: check.ScheduleLimits{
			MaxConcurrent: g.MaxConcurrent, MaxPerAddress: g.MaxConcurrentPerAddress, MinGap: g.MinGapPerAddress,
		},
		Thresholds: cfg.Thresholds, Suppressions: cfg.Suppressions, Severity: configuredSeverity(cfg),
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

// configuredSeverity returns the severity that is configured for a check; that of the tenant wins.
func configuredSeverity(cfg *config.Config) func(tenant, code string) (check.Severity, bool) {
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

func limiterOptions(g config.Global) schedule.LimiterOptions {
	return schedule.LimiterOptions{
		MaxConcurrent: g.MaxConcurrent, MaxPerAddress: g.MaxConcurrentPerAddress, MinGap: g.MinGapPerAddress,
	}
}

// proberOptions returns options that do not refer to the configuration: probes that wait at the limiter outlast many
// reloads.
func proberOptions(cfg *config.Config, limiter probes.Limiter, messages smtpprobe.MessageBudget) smtpprobe.Options {
	g, keys := cfg.Global, clientCertificates(cfg)
	return smtpprobe.Options{
		ClientCertificate: func(id probes.PathID) *tls.Certificate { return keys[senderName{id.Tenant, id.Path}] },
		Roots:             g.Roots, TrustStores: trustStores(g), AllowNetworks: g.AllowNetworks,
		ExchangeOnlineHosts: g.ExchangeOnlineHosts,
		CheckRevocation:     g.CheckRevocation, Limiter: limiter, Now: time.Now, Messages: messages, Version: version.Version,
	}
}

// trustStores returns the stores by which chains are judged, besides the roots that decide.
func trustStores(g config.Global) (all []certificate.Store) {
	if g.Roots != nil {
		all = append(all, certificate.Store{Name: probes.StoreSystem})
	}
	all = append(all, certificate.KnownStores()...)
	for _, s := range g.TrustStores {
		all = append(all, certificate.Store{Name: s.Name, Roots: s.Roots})
	}
	return all
}

type senderName struct{ tenant, sender string }

// clientCertificates returns the certificates that senders present, with their keys.
func clientCertificates(cfg *config.Config) map[senderName]*tls.Certificate {
	keys := map[senderName]*tls.Certificate{}
	for _, t := range cfg.Tenants {
		for _, s := range t.Senders {
			if m, ok := cfg.Certificate(t.Name, s.Name); ok && m.Key != nil {
				keys[senderName{t.Name, s.Name}] = m.Key
			}
		}
	}
	return keys
}
