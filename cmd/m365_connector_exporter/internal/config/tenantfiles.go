package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/regularfile"
)

// expand returns the files or folders of a name, and warns if a pattern matches none.
func (r *reader) expand(n *yaml.Node, key string, name inventory.Name) []string {
	found, err := r.observed.Expand(r.ctx, name)
	switch {
	case err != nil: // the tenants of the last load are kept
		r.warn(r.errorAt(n, key, "%s: %v", name.Path, err).Error())
	case len(found) == 0:
		r.warn(r.errorAt(n, key, "%s matches no file", name.Path).Error())
	}
	return found
}

// tenantFiles reads the files of tenant_files. A mistake in one disables its own tenants only.
func (r *reader) tenantFiles(n *yaml.Node, key string) {
	r.list(n, key, func(n *yaml.Node, k string) {
		name, ok := r.name(n, k)
		if !ok {
			return
		}
		files := r.expand(n, k, name)
		for _, file := range files {
			r.tenantFile(n, k, file)
		}
		if len(files) == 0 {
			r.patternEmptied(name, r.errorAt(n, k, "%s no longer matches a file", name.Path))
		}
	})
}

// tenantFile reads one tenant or a list of them. A mistake without a line, as in a file that does not exist, is
// reported at the line that names the file.
func (r *reader) tenantFile(n *yaml.Node, key, file string) {
	inner := &reader{loading: r.loading, file: file, outer: r.outer}
	var all []*tenant
	root := inner.open(file)
	for i, e := range inner.errs {
		if e.Line == 0 {
			inner.errs[i] = r.errorAt(n, key, "%s", e)
		}
	}
	switch {
	case root == nil:
	case root.Kind == yaml.SequenceNode:
		inner.tenantList(root, "", func(n *yaml.Node, k string) { all = append(all, inner.tenant(n, k)) })
	case slices.Contains(keysOf(root), "tenants"):
		inner.fail(root, "tenants", "not a key here: a file of tenant_files is one tenant, or a list that begins with "+
			"\"- name: contoso\"")
	default:
		all = append(all, inner.tenant(root, ""))
	}
	if len(inner.errs) == 0 {
		for _, t := range all {
			r.addOrFallback(t)
		}
		return
	}
	r.problem(inner.errs.sorted())
	for _, t := range all {
		r.problem(t.errs)
	}
	for _, name := range r.tenantsOf(file, all) {
		r.tenants.Fallback(name, file, inner.errs[0])
	}
}

// tenantsOf names the tenants of a file that does not load: those it had and those it seems to have, else its own name.
func (l *loading) tenantsOf(file string, read []*tenant) []string {
	names := l.tenants.LastFrom(file)
	for _, t := range read {
		if t.Tenant.Name != "" && !t.duplicate {
			names = append(names, t.Tenant.Name)
		}
	}
	if len(names) == 0 {
		names = append(names, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	}
	return names
}

// patternEmptied keeps the tenants of a pattern that now matches nothing.
func (l *loading) patternEmptied(name inventory.Name, why Error) {
	if l.tenants.PatternEmptied(name, why) {
		l.problem(Errors{why})
	}
}

// folder is a folder of exports. It is a tenant of its own, unless a tenant in YAML has its name: that one is laid
// over it.
type folder struct {
	path  string
	place Error // where the configuration names it
	used  bool
}

// folders are those of tenant_folders.
type folders struct {
	all      []*folder // in the order of the configuration
	byTenant map[string]*folder
	names    []inventory.Name
	places   []Error // where the names are written
}

// findFolders looks for the folders, before any tenant is read.
func (r *reader) findFolders(n *yaml.Node, key string) {
	r.list(n, key, func(n *yaml.Node, k string) {
		name, ok := r.name(n, k)
		if !ok {
			return
		}
		r.folders.names, r.folders.places = append(r.folders.names, name), append(r.folders.places, r.errorAt(n, k, ""))
		for _, path := range r.expand(n, k, name) {
			r.foundFolder(name, path, r.errorAt(n, k, ""))
		}
	})
}

func (r *reader) foundFolder(name inventory.Name, path string, place Error) {
	tenant := filepath.Base(path)
	known := r.folders.byTenant[tenant]
	switch {
	case name.Pattern && (hidden(tenant) || !r.mayBeFolder(path)): // it matches more than folders of tenants
	case known == nil:
		f := &folder{path: path, place: place}
		r.folders.byTenant[tenant] = f
		r.folders.all = append(r.folders.all, f)
	case known.path != path:
		r.problem(Errors{place.with("%s: tenant %q already has the folder %s", path, tenant, known.path)})
	}
}

// hidden reports whether a folder's name is not meant for people: Kubernetes mounts volumes with ..data beside the
// files, and a file system has lost+found.
func hidden(folder string) bool { return strings.HasPrefix(folder, ".") || folder == "lost+found" }

// mayBeFolder reports whether a path leads to a folder, or to something that does not respond.
func (r *reader) mayBeFolder(path string) bool {
	info, err := regularfile.Stat(r.ctx, path)
	return err == nil && info.IsDir() || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// folderOf returns the folder of a tenant, "" if it has none. A folder that was removed since the last load, from
// which the tenant had exports, still counts as its folder.
func (l *loading) folderOf(tenant string, lastParts map[string]inventory.Kind) string {
	if f := l.folders.byTenant[tenant]; f != nil {
		f.used = true
		return f.path
	}
	for part := range lastParts {
		dir := filepath.Dir(part)
		named := func(n inventory.Name) bool { return n.Matches(dir) }
		if filepath.Base(dir) == tenant && slices.ContainsFunc(l.folders.names, named) {
			return dir
		}
	}
	return ""
}

// tenantFolders makes tenants of the folders that no tenant in YAML uses. A single folder that is gone is a tenant
// that was removed.
func (r *reader) tenantFolders() {
	for _, f := range r.folders.all {
		if !f.used {
			t := newTenant(filepath.Base(f.path), f.path, f.place)
			exports := inventory.ExportFiles{Folder: f.path, Before: r.tenants.Last(t.Tenant.Name).Parts, Observed: r.observed}
			r.load(t, exports, func(inventory.Name) Error { return f.place })
			r.addOrFallback(t)
		}
	}
	for i, name := range r.folders.names {
		if !slices.ContainsFunc(r.folders.all, func(f *folder) bool { return name.Matches(f.path) }) {
			r.patternEmptied(name, r.folders.places[i].with("%s no longer matches a folder", name.Path))
		}
	}
}
