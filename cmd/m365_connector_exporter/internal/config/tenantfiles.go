package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/regularfile"
)

// tenantFiles reads what tenant_files names. A bad file blinds its own tenants only.
func (r *reader) tenantFiles(n *yaml.Node, key string) {
	r.list(n, key, func(n *yaml.Node, k string) {
		name := r.text(n, k)
		if name == "" {
			return
		}
		files := r.expand(n, k, name, false)
		for _, file := range files {
			r.tenantFile(n, k, file)
		}
		if len(files) == 0 {
			r.gone(absolute(r.dir(), name), r.errorAt(n, k, "%s matches nothing any more", name))
		}
	})
}

// tenantFile reads one tenant or a list of them. A mistake without a line of its own, as in a file that is not there, is told of
// the line that names the file.
func (r *reader) tenantFile(n *yaml.Node, key, file string) {
	inner := &reader{loading: r.loading, file: file, outer: r.outer}
	var all []readTenant
	root := inner.open(file)
	for i, e := range inner.errs {
		if e.Line == 0 {
			inner.errs[i] = r.errorAt(n, key, "%s", e)
		}
	}
	if root != nil {
		if root.Kind == yaml.SequenceNode {
			inner.list(root, "", func(n *yaml.Node, k string) { all = append(all, inner.tenant(n, k)) })
		} else {
			all = append(all, inner.tenant(root, ""))
		}
	}
	if len(inner.errs) == 0 {
		for _, t := range all {
			r.take(t)
		}
		return
	}
	r.cfg.problems = append(r.cfg.problems, inner.errs.sorted()...)
	for _, t := range all {
		r.cfg.problems = append(r.cfg.problems, t.broken...)
	}
	for _, name := range r.tenantsOf(file, all) {
		r.keep(name, file, inner.errs[0])
	}
}

// tenantsOf names the tenants of a file that does not load: those it had, else those it seems to have, else its own name.
func (l *loading) tenantsOf(file string, read []readTenant) []string {
	var names []string
	if l.last != nil {
		for _, t := range l.last.Tenants {
			if l.last.own[t.Name].origin == file {
				names = append(names, t.Name)
			}
		}
	}
	for _, t := range read {
		if t.tenant.Name != "" && !t.twice {
			names = append(names, t.tenant.Name)
		}
	}
	if len(names) == 0 {
		names = append(names, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	}
	return names
}

// folder is a folder of exports. It is a tenant of its own, unless a tenant in YAML has its name: that one overlays it.
type folder struct {
	path  string
	node  *yaml.Node
	key   string
	taken bool
}

// findFolders looks for the folders, before any tenant is read.
func (r *reader) findFolders(n *yaml.Node, key string) {
	r.list(n, key, func(n *yaml.Node, k string) {
		name := r.text(n, k)
		if name == "" {
			return
		}
		r.folderPatterns = append(r.folderPatterns, place{node: n, file: absolute(r.dir(), name), key: k})
		for _, path := range r.expand(n, k, name, true) {
			info, err := regularfile.Stat(r.ctx, path)
			tenant := filepath.Base(path)
			switch {
			case isPattern(name) && (errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir()): // it matches more than folders
			case r.folderAt[tenant] == nil:
				f := &folder{path: path, node: n, key: k}
				r.folderAt[tenant] = f
				r.folders = append(r.folders, f)
			case r.folderAt[tenant].path != path:
				r.cfg.problems = append(r.cfg.problems, r.errorAt(n, k, "%s: tenant %q has a folder already: %s", path, tenant, r.folderAt[tenant].path))
			}
		}
	})
}

// folderOf takes the folder of a tenant, if it has one.
func (l *loading) folderOf(tenant string) *folder {
	if f := l.folderAt[tenant]; f != nil {
		f.taken = true
		return f
	}
	return nil
}

// tenantFolders makes tenants of the folders that no tenant in YAML has taken. A single folder that has gone is a tenant removed.
func (r *reader) tenantFolders() {
	for _, f := range r.folders {
		if !f.taken {
			r.take(r.folderTenant(f))
		}
	}
	for _, p := range r.folderPatterns {
		if !slices.ContainsFunc(r.folders, func(f *folder) bool { return matches(p.file, f.path) }) {
			r.gone(p.file, r.errorAt(p.node, p.key, "%s matches no folder any more", p.file))
		}
	}
}

func (r *reader) folderTenant(f *folder) readTenant {
	t := readTenant{tenant: mailflow.Tenant{Name: filepath.Base(f.path)}, own: newOwn(f.path), imports: newImports()}
	r.begin()
	r.folderExports(f.node, f.key, f.path, &t)
	r.vanished(f.node, f.key, &t)
	r.end(&t)
	return t
}

// folderExports reads every export in a folder.
func (r *reader) folderExports(n *yaml.Node, key, path string, t *readTenant) {
	files, err := exportsIn(r.ctx, path)
	if err != nil {
		r.failFile(n, key, path, "%v", err)
	}
	for _, file := range files {
		r.export(n, key, file, t)
	}
}
