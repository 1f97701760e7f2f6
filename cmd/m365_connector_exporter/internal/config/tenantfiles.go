package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/mailflow"
)

// tenantFiles reads what tenant_files names. A bad file blinds its own tenants only.
func (r *reader) tenantFiles(n *yaml.Node, key string, cfg, last *Config) {
	r.list(n, key, func(n *yaml.Node, k string) {
		if name := r.text(n, k); name != "" {
			for _, file := range r.expand(n, k, name) {
				cfg.tenantFile(file, r.outer, last)
			}
		}
	})
}

// tenantFile reads one tenant or a list of them.
func (c *Config) tenantFile(file string, outer []place, last *Config) {
	r := &reader{file: file, outer: outer}
	r.files = append(r.files, file)
	var all []readTenant
	if root := r.open(file); root != nil {
		if root.Kind == yaml.SequenceNode {
			r.list(root, "", func(n *yaml.Node, k string) { all = append(all, r.tenant(n, k)) })
		} else {
			all = append(all, r.tenant(root, ""))
		}
	}
	c.collect(r)
	if len(r.errs) == 0 {
		for _, t := range all {
			c.take(t, last)
		}
		return
	}
	c.problems = append(append(c.problems, r.errs...), r.broken...)
	for _, name := range c.tenantsOf(file, all, last) {
		c.keep(name, file, last, r.errs[0])
	}
}

// tenantsOf names the tenants of a file that does not load: those it had, else those it seems to have, else its own name.
func (c *Config) tenantsOf(file string, read []readTenant, last *Config) []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if _, taken := c.own[name]; name != "" && !taken && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if last != nil {
		for _, t := range last.Tenants {
			if last.own[t.Name].origin == file {
				add(t.Name)
			}
		}
	}
	for _, t := range read {
		add(t.tenant.Name)
	}
	if len(names) == 0 {
		add(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	}
	return names
}

// tenantFolders takes each folder as the tenant of that name, with every export in it.
func (r *reader) tenantFolders(n *yaml.Node, key string, cfg, last *Config) {
	r.list(n, key, func(n *yaml.Node, k string) {
		name := r.text(n, k)
		if name == "" {
			return
		}
		for _, folder := range r.expand(n, k, name) {
			if info, err := os.Stat(folder); err == nil && info.IsDir() {
				cfg.take(r.tenantFolder(n, k, folder), last)
			}
		}
	})
}

func (r *reader) tenantFolder(n *yaml.Node, key, folder string) readTenant {
	r.inTenant = true
	defer func() { r.inTenant = false }()
	broken := len(r.broken)
	t := readTenant{
		tenant: mailflow.Tenant{Name: filepath.Base(folder)},
		own:    newOwn(folder),
	}
	// Not a glob of the folder's path: that may hold pattern characters of its own.
	entries, err := os.ReadDir(folder)
	if err != nil {
		r.failFile(n, key, folder, "%v", plainError(err))
	}
	r.patterns = append(r.patterns, folder)
	for _, entry := range entries {
		if file := filepath.Join(folder, entry.Name()); strings.EqualFold(filepath.Ext(file), ".json") && !entry.IsDir() {
			r.export(n, key, file, &t.tenant)
		}
	}
	t.tenant.Cloud = cloudOf(t.tenant)
	t.broken = append(t.broken, r.broken[broken:]...)
	return t
}

// Fingerprint is a hash over the present contents of every file that the configuration read or would read now. It changes
// when one of them changes, comes or goes, and does not when only times change.
func (c *Config) Fingerprint() string {
	names := append([]string{c.file}, c.files...)
	for _, pattern := range c.patterns {
		found, _ := filepath.Glob(pattern) // the pattern was checked by Load
		for _, name := range found {
			names = append(append(names, name), jsonIn(name)...)
		}
	}
	sort.Strings(names)
	hash := sha256.New()
	for i, name := range names {
		if i > 0 && name == names[i-1] {
			continue
		}
		content, err := readFile(name)
		_, _ = fmt.Fprintf(hash, "%s %d %t\n", name, len(content), err == nil)
		_, _ = hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// jsonIn lists the exports in a folder; a file has none.
func jsonIn(folder string) []string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		if strings.EqualFold(filepath.Ext(entry.Name()), ".json") {
			names = append(names, filepath.Join(folder, entry.Name()))
		}
	}
	return names
}
