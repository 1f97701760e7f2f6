package config

import (
	"context"

	"m365_connector_exporter/probes/mailflow"
)

// loading is what the readers of one Load share.
type loading struct {
	ctx            context.Context // of Load
	cfg, last      *Config         // the one being built; the one that runs, or nil
	contents       *contents
	patterns       []pattern
	names          map[string]bool // of tenants in YAML
	dropped        int             // warnings, more than are kept
	folders        []*folder       // in the order of the configuration
	folderAt       map[string]*folder
	folderPatterns []place // their files are absolute patterns
}

// add takes a tenant with what it says besides.
func (l *loading) add(t mailflow.Tenant, o own) {
	l.cfg.Tenants = append(l.cfg.Tenants, t)
	l.cfg.own[t.Name] = o
	l.cfg.Suppressions = append(l.cfg.Suppressions, o.suppressions...)
}

// take adds a tenant that was read, or its last good state where one of its files is broken.
func (l *loading) take(t readTenant) {
	if len(t.broken) == 0 {
		l.add(t.tenant, t.own)
		return
	}
	l.cfg.problems = append(l.cfg.problems, t.broken...)
	l.keep(t.tenant.Name, t.own.origin, t.broken[0])
}

// keep adds a tenant as it was last known, else without paths. One that was read meanwhile is left alone.
func (l *loading) keep(name, origin string, why Error) {
	if l.cfg.has(name) {
		return
	}
	if t, ok := l.lastGood(name); ok {
		t.LoadError = why.Error() + "; what was last loaded of it is still watched"
		l.add(t, l.last.own[name])
		return
	}
	empty := newOwn(origin)
	empty.never = true
	l.add(mailflow.Tenant{Name: name, LoadError: why.Error() + "; nothing of it is watched"}, empty)
}

func (l *loading) lastGood(name string) (mailflow.Tenant, bool) {
	if l.last == nil || !l.last.has(name) || l.last.own[name].never {
		return mailflow.Tenant{}, false
	}
	for _, t := range l.last.Tenants {
		if t.Name == name {
			return t, true
		}
	}
	return mailflow.Tenant{}, false
}

func (c *Config) has(tenant string) bool {
	_, ok := c.own[tenant]
	return ok
}

// warn keeps a warning, as long as there are not too many.
func (l *loading) warn(text string) {
	if len(l.cfg.Warnings) < maxMistakes {
		l.cfg.Warnings = append(l.cfg.Warnings, text)
		return
	}
	l.dropped++
}

// gone keeps the tenants that a pattern gave at the last load, where it now matches nothing at all: that is a file system that is
// not there rather than so many tenants removed.
func (l *loading) gone(glob string, why Error) {
	if l.last == nil {
		return
	}
	told := false
	for _, t := range l.last.Tenants {
		origin := l.last.own[t.Name].origin
		if !matches(glob, origin) || l.cfg.has(t.Name) {
			continue
		}
		if !told {
			l.cfg.problems, told = append(l.cfg.problems, why), true
		}
		l.keep(t.Name, origin, why)
	}
}
