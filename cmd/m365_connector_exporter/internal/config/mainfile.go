package config

import (
	"errors"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/collector/check"
)

// main reads the sections in the order in which they depend on each other, whatever their order in the file: tenants
// after the global probe section, folders before the tenants in YAML that overlay them, round trips last.
func (r *reader) main(n *yaml.Node) {
	cfg := r.cfg
	var tenants, files, folders, live, trips *yaml.Node
	r.mapping(n, "", fields{
		"global":     func(n *yaml.Node, k string) { cfg.Global = r.global(n, k, cfg.Global) },
		"thresholds": func(n *yaml.Node, k string) { r.thresholds(n, k, &cfg.Thresholds) },
		"checks":     func(n *yaml.Node, k string) { r.checks(n, k, cfg.Checks) },
		"modules":    func(n *yaml.Node, k string) { r.modules(n, k, cfg) },
		"suppressions": func(n *yaml.Node, k string) {
			cfg.Suppressions = append(cfg.Suppressions, r.suppressions(n, k)...)
		},
		"probe": func(n *yaml.Node, k string) {
			cfg.probe = r.layer(n, k)
			r.outer = []layerSource{{cfg.probe, n, r.file, k}}
		},
		"exchange_online": later(&live),
		"sink":            r.sink,
		"firewall":        r.firewall,
		"round_trips":     later(&trips),
		"tenants":         later(&tenants),
		"tenant_files":    later(&files),
		"tenant_folders":  later(&folders),
	})
	if live != nil {
		r.exchangeOnline(live, "exchange_online")
	}
	if folders != nil {
		r.findFolders(folders, "tenant_folders")
	}
	if tenants != nil {
		r.tenantList(tenants, "tenants", func(n *yaml.Node, k string) { r.addOrFallback(r.tenant(n, k)) })
	}
	if files != nil {
		r.tenantFiles(files, "tenant_files")
	}
	r.tenantFolders()
	if trips != nil {
		r.roundTrips(trips, "round_trips")
	}
}

// later keeps a section to be read afterwards.
func later(to **yaml.Node) func(*yaml.Node, string) {
	return func(n *yaml.Node, _ string) { *to = n }
}

func (r *reader) global(n *yaml.Node, key string, g Global) Global {
	r.mapping(n, key, fields{
		"max_concurrent":             func(n *yaml.Node, k string) { g.MaxConcurrent = r.number(n, k, 1, 100_000) },
		"max_concurrent_per_address": func(n *yaml.Node, k string) { g.MaxConcurrentPerAddress = r.number(n, k, 1, 100) },
		"min_gap_per_address":        func(n *yaml.Node, k string) { g.MinGapPerAddress = r.duration(n, k, 0, year) },
		"check_revocation":           func(n *yaml.Node, k string) { g.CheckRevocation = r.flag(n, k) },
		"state_file":                 func(n *yaml.Node, k string) { g.StateFile = r.path(n, k) },
		"exchange_online_hosts":      func(n *yaml.Node, k string) { g.ExchangeOnlineHosts = r.each(n, k, r.glob) },
		"allow_networks": func(n *yaml.Node, k string) {
			r.list(n, k, func(n *yaml.Node, k string) { g.AllowNetworks = append(g.AllowNetworks, r.prefix(n, k)) })
		},
		"trust_stores": func(n *yaml.Node, k string) { g.TrustStores = r.trustStores(n, k) },
		"ca_file": func(n *yaml.Node, k string) {
			if g.CAFile = r.path(n, k); g.CAFile != "" {
				g.Roots = r.roots(n, k, g.CAFile)
			}
		},
	})
	r.checkStores(n, key, g)
	return g
}

func (r *reader) thresholds(n *yaml.Node, key string, t *check.Thresholds) {
	before := len(r.errs)
	r.mapping(n, key, fields{
		"certificate_warning_ratio":  func(n *yaml.Node, k string) { t.WarningRatio = r.ratio(n, k) },
		"certificate_critical_ratio": func(n *yaml.Node, k string) { t.CriticalRatio = r.ratio(n, k) },
		"certificate_warning_days":   func(n *yaml.Node, k string) { t.WarningDays = r.number(n, k, 0, 3650) },
		"certificate_critical_days":  func(n *yaml.Node, k string) { t.CriticalDays = r.number(n, k, 0, 3650) },
		"validation_max_age":         func(n *yaml.Node, k string) { t.ValidationMaxAge = r.duration(n, k, 0, 10*year) },
		"inventory_max_age":          func(n *yaml.Node, k string) { t.InventoryMaxAge = r.duration(n, k, 0, 10*year) },
	})
	if len(r.errs) > before {
		return
	}
	if t.CriticalRatio > t.WarningRatio {
		r.fail(n, join(key, "certificate_critical_ratio"), "must not be above certificate_warning_ratio")
	}
	if t.CriticalDays > t.WarningDays {
		r.fail(n, join(key, "certificate_critical_days"), "must not be above certificate_warning_days")
	}
}

func (r *reader) modules(n *yaml.Node, key string, cfg *Config) {
	n, _ = r.enter(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.failValue(n, key, errors.New(
			"must be a mapping from names to probe settings, such as { tls_only: { until: tls } }"))
		return
	}
	r.keys(n, key, func(name, v *yaml.Node, k string) bool {
		module := r.layer(v, k)
		if module.NegativeControls != nil {
			r.fail(v, join(k, "negative_controls"), "must not be in a module: /probe never runs negative controls")
		}
		cfg.Modules[r.text(name, k)] = module
		return true
	}, nil)
}
