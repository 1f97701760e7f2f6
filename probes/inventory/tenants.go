package inventory

import "m365_connector_exporter/probes/mailflow"

// State is a tenant as it was loaded, whatever its source is. S is the type of its other settings.
type State[S any] struct {
	Tenant   mailflow.Tenant
	Settings S
	Origin   string          // the file or folder that the tenant is in
	Parts    map[string]Kind // of its snapshot
	Never    bool            // it has never been loaded: only its name is known
}

// Tenants are the tenants of one load. A tenant that does not load keeps its last good state, which is that of the
// previous load.
type Tenants[S any] struct {
	tenantList[S]
	before tenantList[S] // empty at the first load
}

// tenantList is a list of tenants in the order in which they were added.
type tenantList[S any] struct {
	order  []string
	states map[string]State[S]
}

// NewTenants returns an empty list of tenants for a load. before is the previous load, nil at the first one.
func NewTenants[S any](before *Tenants[S]) *Tenants[S] {
	t := &Tenants[S]{tenantList: tenantList[S]{states: map[string]State[S]{}}}
	if before != nil {
		t.before = before.tenantList
	}
	return t
}

// All returns the tenants in the order in which they were added.
func (t *Tenants[S]) All() []mailflow.Tenant {
	all := make([]mailflow.Tenant, len(t.order))
	for i, name := range t.order {
		all[i] = t.states[name].Tenant
	}
	return all
}

// Get returns the state of a tenant, the zero State if there is none.
func (t *Tenants[S]) Get(name string) State[S] { return t.states[name] }

// Has reports whether there is a tenant of this name, loaded or not.
func (t *Tenants[S]) Has(name string) bool {
	_, has := t.states[name]
	return has
}

// Add adds a tenant that was loaded.
func (t *Tenants[S]) Add(s State[S]) {
	if !t.Has(s.Tenant.Name) {
		t.order = append(t.order, s.Tenant.Name)
	}
	t.states[s.Tenant.Name] = s
}

// Fallback adds a tenant that does not load, with its last good state. If it has none, the tenant has no paths. A
// tenant that has been added already is not changed.
func (t *Tenants[S]) Fallback(name, origin string, why error) {
	if t.Has(name) {
		return
	}
	last := t.Last(name)
	if last.Never {
		t.Add(State[S]{
			Tenant: mailflow.Tenant{Name: name, LoadError: why.Error() + "; no path of this tenant is probed"},
			Origin: origin, Never: true,
		})
		return
	}
	last.Tenant.LoadError = why.Error() + "; the last good state of this tenant is used"
	t.Add(last)
}

// Last returns the state of a tenant in the previous load. It is Never if that has no good one.
func (t *Tenants[S]) Last(name string) State[S] {
	if s, known := t.before.states[name]; known {
		return s
	}
	return State[S]{Never: true}
}

// LastFrom returns the names of the tenants with the given origin in the previous load.
func (t *Tenants[S]) LastFrom(origin string) []string {
	return t.lastWhere(func(o string) bool { return o == origin })
}

// PatternEmptied falls back for all tenants of the previous load whose origin matches a pattern that now matches
// nothing: more likely a file system is not mounted than all these tenants were removed. It reports whether there are
// any.
func (t *Tenants[S]) PatternEmptied(pattern Name, why error) bool {
	found := false
	for _, name := range t.lastWhere(func(o string) bool { return pattern.Matches(o) }) {
		if !t.Has(name) {
			found = true
			t.Fallback(name, t.Last(name).Origin, why)
		}
	}
	return found
}

// Complete ends the load and releases the tenants of the previous one.
func (t *Tenants[S]) Complete() { t.before = tenantList[S]{} }

func (t *Tenants[S]) lastWhere(origin func(string) bool) (names []string) {
	for _, name := range t.before.order {
		if origin(t.before.states[name].Origin) {
			names = append(names, name)
		}
	}
	return names
}
