package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

// Load reads the main file and every file it names. The error is of type [Errors]: there is one where the main file has a
// mistake, and then it holds all mistakes of all files. A tenant whose own file, export or certificate does not load keeps the
// state that last (the running configuration, or nil) has of it; see Problems.
func Load(ctx context.Context, path string, last *Config) (*Config, error) {
	cfg := defaults()
	r := &reader{file: path, loading: &loading{
		ctx: ctx, cfg: &cfg, last: last, contents: &contents{files: map[string]content{}}, names: map[string]bool{}, folderAt: map[string]*folder{},
	}}
	if root := r.open(path); root != nil {
		r.main(root)
	}
	if len(r.errs) > 0 {
		return nil, append(r.errs.sorted(), cfg.problems...)
	}
	if r.dropped > 0 {
		cfg.Warnings = append(cfg.Warnings, fmt.Sprintf("and %d warnings more", r.dropped))
	}
	r.finish()
	for i := range cfg.Tenants {
		cfg.Tenants[i] = mailflow.WithImpliedSenders(cfg.Tenants[i])
	}
	return &cfg, nil
}

// open parses a file with exactly one document. It returns nil after a mistake.
func (r *reader) open(path string) *yaml.Node {
	c, err := r.contents.read(r.ctx, path)
	if err != nil {
		r.fail(nil, "", "%v", err)
		return nil
	}
	data := c.Data
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		r.fail(nil, "", "the file is empty")
		return nil
	case err != nil:
		r.syntax(err, data)
		return nil
	}
	if isNull(doc.Content[0]) {
		r.fail(nil, "", "the file is empty")
		return nil
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			second.Line = lineOf(err, data)
		}
		r.fail(&second, "", "a second document; only one is allowed")
	}
	return doc.Content[0]
}

// main reads the sections in an order of its own: the global probe section bounds those within, tenants come last, and folders
// are known before a tenant in YAML overlays one.
func (r *reader) main(n *yaml.Node) {
	cfg := r.cfg
	var tenants, files, folders *yaml.Node
	later := func(to **yaml.Node) func(*yaml.Node, string) { return func(n *yaml.Node, _ string) { *to = n } }
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
			r.outer = []place{{cfg.probe, n, r.file, k}}
		},
		"tenants":        later(&tenants),
		"tenant_files":   later(&files),
		"tenant_folders": later(&folders),
	})
	if folders != nil {
		r.findFolders(folders, "tenant_folders")
	}
	if tenants != nil {
		r.list(tenants, "tenants", func(n *yaml.Node, k string) { r.take(r.tenant(n, k)) })
	}
	if files != nil {
		r.tenantFiles(files, "tenant_files")
	}
	r.tenantFolders()
}

func (r *reader) global(n *yaml.Node, key string, g Global) Global {
	r.mapping(n, key, fields{
		"max_concurrent":             func(n *yaml.Node, k string) { g.MaxConcurrent = r.number(n, k, 1, 100_000) },
		"max_concurrent_per_address": func(n *yaml.Node, k string) { g.MaxConcurrentPerAddress = r.number(n, k, 1, 100) },
		"min_gap_per_address":        func(n *yaml.Node, k string) { g.MinGapPerAddress = r.duration(n, k, 0, year) },
		"check_revocation":           func(n *yaml.Node, k string) { g.CheckRevocation = r.flag(n, k) },
		"state_file":                 func(n *yaml.Node, k string) { g.StateFile = absolute(r.dir(), r.text(n, k)) },
		"exchange_online_hosts":      func(n *yaml.Node, k string) { g.ExchangeOnlineHosts = r.each(n, k, r.glob) },
		"allow_networks": func(n *yaml.Node, k string) {
			r.list(n, k, func(n *yaml.Node, k string) { g.AllowNetworks = append(g.AllowNetworks, r.prefix(n, k)) })
		},
		"ca_file": func(n *yaml.Node, k string) {
			if g.CAFile = absolute(r.dir(), r.text(n, k)); g.CAFile != "" {
				g.Roots = r.roots(n, k, g.CAFile)
			}
		},
	})
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
		r.fail(n, key, "must be a mapping from names to probe settings")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := r.text(n.Content[i], key)
		if r.merges(n.Content[i], join(key, name)) {
			continue
		}
		if seen[name] {
			r.fail(n.Content[i], join(key, name), "stands twice")
			continue
		}
		seen[name] = true
		cfg.Modules[name] = r.layer(n.Content[i+1], join(key, name))
	}
}
