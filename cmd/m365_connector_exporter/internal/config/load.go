package config

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// maxFile is the largest file that is read.
const maxFile = 64 << 20

// Load reads the main file and every file it names. The error is of type [Errors] and holds every mistake of the main file. A
// tenant file that does not load keeps the tenants that last (the running configuration, or nil) had of it; see Problems.
func Load(path string, last *Config) (*Config, error) {
	cfg := defaults()
	cfg.file = path
	r := &reader{file: path}
	if root := r.open(path); root != nil {
		r.main(root, &cfg)
	}
	cfg.tenantFiles(r, last)
	r.unique(cfg.Tenants)
	if len(r.errs) > 0 {
		return nil, r.errs
	}
	return &cfg, nil
}

// open parses a file with exactly one document. It returns nil after a mistake.
func (r *reader) open(path string) *yaml.Node {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		err = errors.New("larger than 64 MB")
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path) //nolint:gosec // reading the files that the operator names is the job
	}
	if err != nil {
		r.fail(nil, "", "%v", plainError(err))
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.fail(nil, "", "the file is empty")
		return nil
	case err != nil:
		r.fail(nil, "", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		r.fail(&second, "", "a second document; only one is allowed")
	}
	return doc.Content[0]
}

// plainError drops the path that the message names already.
func plainError(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (r *reader) main(n *yaml.Node, cfg *Config) {
	dir := filepath.Dir(cfg.file)
	r.mapping(n, "", fields{
		"global":     func(n *yaml.Node, k string) { cfg.Global = r.global(n, k, dir, cfg) },
		"probe":      func(n *yaml.Node, k string) { cfg.probe = r.layer(n, k) },
		"thresholds": func(n *yaml.Node, k string) { r.thresholds(n, k, &cfg.Thresholds) },
		"modules":    func(n *yaml.Node, k string) { r.modules(n, k, cfg) },
		"tenant_files": func(n *yaml.Node, k string) {
			for _, pattern := range r.texts(n, k) {
				cfg.patterns = append(cfg.patterns, absolute(dir, pattern))
			}
		},
		"tenants": func(n *yaml.Node, k string) {
			r.list(n, k, func(n *yaml.Node, k string) { cfg.add(r.tenant(n, k)) })
		},
	})
}

func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// add takes a tenant with its probe layers.
func (c *Config) add(t mailflow.Tenant, layers map[string]probes.Layer) {
	c.Tenants = append(c.Tenants, t)
	c.layers[t.Name] = layers
}

func (r *reader) global(n *yaml.Node, key, dir string, cfg *Config) Global {
	g := cfg.Global
	r.mapping(n, key, fields{
		"max_concurrent":             func(n *yaml.Node, k string) { g.MaxConcurrent = r.number(n, k, 1, 100_000) },
		"max_concurrent_per_address": func(n *yaml.Node, k string) { g.MaxConcurrentPerAddress = r.number(n, k, 1, 100) },
		"min_gap_per_address":        func(n *yaml.Node, k string) { g.MinGapPerAddress = r.duration(n, k, 0) },
		"check_revocation":           func(n *yaml.Node, k string) { g.CheckRevocation = r.flag(n, k) },
		"state_file":                 func(n *yaml.Node, k string) { g.StateFile = absolute(dir, r.text(n, k)) },
		"exchange_online_hosts":      func(n *yaml.Node, k string) { g.ExchangeOnlineHosts = r.texts(n, k) },
		"allow_networks": func(n *yaml.Node, k string) {
			r.list(n, k, func(n *yaml.Node, k string) { g.AllowNetworks = append(g.AllowNetworks, r.prefix(n, k)) })
		},
		"ca_file": func(n *yaml.Node, k string) {
			if g.CAFile = absolute(dir, r.text(n, k)); g.CAFile != "" {
				g.Roots = r.roots(n, k, g.CAFile)
				cfg.files = append(cfg.files, g.CAFile)
			}
		},
	})
	return g
}

func (r *reader) roots(n *yaml.Node, key, file string) *x509.CertPool {
	pem, err := os.ReadFile(file) //nolint:gosec // named by the operator
	if err != nil {
		r.fail(n, key, "%s: %v", file, plainError(err))
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		r.fail(n, key, "%s: no PEM certificate in it", file)
	}
	return pool
}

func (r *reader) thresholds(n *yaml.Node, key string, t *Thresholds) {
	r.mapping(n, key, fields{
		"certificate_warning_ratio":  func(n *yaml.Node, k string) { t.WarningRatio = r.ratio(n, k) },
		"certificate_critical_ratio": func(n *yaml.Node, k string) { t.CriticalRatio = r.ratio(n, k) },
		"certificate_warning_days":   func(n *yaml.Node, k string) { t.WarningDays = r.number(n, k, 0, 3650) },
		"certificate_critical_days":  func(n *yaml.Node, k string) { t.CriticalDays = r.number(n, k, 0, 3650) },
		"validation_max_age":         func(n *yaml.Node, k string) { t.ValidationMaxAge = r.duration(n, k, 0) },
		"inventory_max_age":          func(n *yaml.Node, k string) { t.InventoryMaxAge = r.duration(n, k, 0) },
	})
}

func (r *reader) modules(n *yaml.Node, key string, cfg *Config) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, key, "must be a mapping from names to probe settings")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		cfg.Modules[name] = r.layer(n.Content[i+1], join(key, name))
	}
}

// tenantFiles reads what tenant_files names. A bad file blinds its own tenants only.
func (c *Config) tenantFiles(r *reader, last *Config) {
	for _, pattern := range c.patterns {
		files, err := filepath.Glob(pattern)
		switch {
		case err != nil:
			r.fail(nil, "tenant_files", "%s: not a pattern", pattern)
		case len(files) == 0 && strings.ContainsAny(pattern, "*?["):
			c.Warnings = append(c.Warnings, "tenant_files: "+pattern+" matches no file")
		case len(files) == 0:
			r.fail(nil, "tenant_files", "%s: no such file", pattern)
		}
		for _, file := range files {
			c.tenantFile(file, last)
		}
	}
}

func (c *Config) tenantFile(file string, last *Config) {
	c.files = append(c.files, file)
	r := &reader{file: file}
	type read struct {
		tenant mailflow.Tenant
		layers map[string]probes.Layer
	}
	var all []read
	one := func(n *yaml.Node, k string) {
		t, l := r.tenant(n, k)
		all = append(all, read{t, l})
	}
	if root := r.open(file); root != nil && root.Kind == yaml.SequenceNode {
		r.list(root, "", one)
	} else if root != nil {
		one(root, "")
	}
	if len(r.errs) == 0 {
		for _, t := range all {
			c.add(t.tenant, t.layers)
		}
		return
	}
	c.problems = append(c.problems, r.errs...)
	c.keep(file, last, r.errs)
}

// keep lists the tenants of a file that does not load: as last known, else without paths under the file's own name.
func (c *Config) keep(file string, last *Config, why Errors) {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	if last != nil {
		for _, t := range last.Tenants {
			if t.Name == name {
				t.NotLoaded = why[0].Error()
				c.add(t, last.layers[t.Name])
				return
			}
		}
	}
	c.add(mailflow.Tenant{Name: name, NotLoaded: why[0].Error()}, nil)
}

// unique refuses two tenants of one name: their series would collide.
func (r *reader) unique(tenants []mailflow.Tenant) {
	seen := map[string]bool{}
	for _, t := range tenants {
		if seen[t.Name] {
			r.fail(nil, "tenants", "tenant %q stands twice", t.Name)
		}
		seen[t.Name] = true
	}
}

// Fingerprint is a hash over the present contents of every file that the configuration read or would read now. It changes
// when one of them changes, comes or goes, and does not when only times change.
func (c *Config) Fingerprint() string {
	names := append([]string{c.file}, c.files...)
	for _, pattern := range c.patterns {
		found, _ := filepath.Glob(pattern) // the pattern was checked by Load
		names = append(names, found...)
	}
	sort.Strings(names)
	hash := sha256.New()
	for _, name := range names {
		content, err := os.ReadFile(name) //nolint:gosec // named by the operator
		_, _ = fmt.Fprintf(hash, "%s %d %t\n", name, len(content), err == nil)
		_, _ = hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
