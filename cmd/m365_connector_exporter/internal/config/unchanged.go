package config

import "m365_connector_exporter/probes/mailflow"

// A reload costs what has changed: a tenant whose files are as they were is not read again, unless reading it had something to tell.

// before finds the tenants of the last load by the file or folder they stand in.
type before struct {
	tenants map[string][]mailflow.Tenant // by origin, in the order of the file; nil until asked for
	main    bool                         // the main file is as it was: what tenants inherit is, too
}

func (l *loading) tenantsFrom(origin string) []mailflow.Tenant {
	if l.last == nil {
		return nil
	}
	if l.before.tenants == nil {
		l.before.tenants = make(map[string][]mailflow.Tenant, len(l.last.Tenants))
		for _, t := range l.last.Tenants {
			from := l.last.own[t.Name].origin
			l.before.tenants[from] = append(l.before.tenants[from], t)
		}
	}
	return l.before.tenants[origin]
}

// folderAsBefore takes over the tenant of a folder with the very files of the last load.
func (l *loading) folderAsBefore(f *folder) bool {
	tenants := l.tenantsFrom(f.path)
	if len(tenants) != 1 || !l.reusable(tenants[0]) {
		return false
	}
	exports := l.last.own[tenants[0].Name].exports
	files, err := exportsIn(f.path)
	if err != nil || len(files) != len(exports) {
		return false
	}
	for _, file := range files {
		if _, had := exports[file]; !had {
			return false
		}
	}
	if !l.sameFiles(files) {
		return false
	}
	l.reuse(tenants)
	return true
}

// fileAsBefore takes over the tenants of a tenant file that names no other file.
func (l *loading) fileAsBefore(file string) bool {
	tenants := l.tenantsFrom(file)
	if !l.before.main || len(tenants) == 0 {
		return false
	}
	for _, t := range tenants {
		if !l.reusable(t) || !l.last.own[t.Name].alone || l.names[t.Name] || l.folderAt[t.Name] != nil {
			return false
		}
	}
	if !l.sameFiles([]string{file}) {
		return false
	}
	for _, t := range tenants {
		l.names[t.Name] = true
	}
	l.reuse(tenants)
	return true
}

func (l *loading) reusable(t mailflow.Tenant) bool {
	return t.LoadError == "" && l.last.own[t.Name].quiet && !l.cfg.has(t.Name)
}

// sameFiles tells that none was written since the last load read it, and remembers them as read.
func (l *loading) sameFiles(files []string) bool {
	l.last.contents.mu.Lock()
	defer l.last.contents.mu.Unlock()
	for _, file := range files {
		if known := l.last.contents.files[file]; known.hash == "" || !known.same(file) {
			return false
		}
	}
	for _, file := range files {
		l.contents.files[file] = l.last.contents.files[file]
	}
	return true
}

func (l *loading) reuse(tenants []mailflow.Tenant) {
	for _, t := range tenants {
		l.add(t, l.last.own[t.Name])
	}
}

// mark is how much a load has told and opened so far.
type mark struct{ warnings, files, patterns int }

func (l *loading) mark() mark {
	return mark{len(l.cfg.Warnings) + l.dropped, len(l.contents.files), len(l.patterns)}
}

// since says of a tenant whether reading it told nothing, and opened nothing but its own file.
func (l *loading) since(m mark, o *own) {
	now := l.mark()
	o.quiet, o.alone = now.warnings == m.warnings, now.files == m.files && now.patterns == m.patterns
}
