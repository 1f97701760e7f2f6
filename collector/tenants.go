package collector

import (
	"cmp"
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
)

// Tenant summarizes the paths, findings and certificates of one tenant, or of one connector.
type Tenant struct {
	Name      string
	LoadError string         // why its files do not load; "" if they do
	Paths     map[Status]int // how many are in each state
	Status    Status         // the worst of them
	Since     time.Time      // since when the first of its failing paths fails; zero if none does
	Findings  map[check.Severity]int
	NotAfter  time.Time      // when its first certificate expires; zero if none is known
	Expiry    check.Severity // the most severe of its certificates
}

// Probed counts the paths that are probed.
func (t *Tenant) Probed() int {
	n := 0
	for status, count := range t.Paths {
		if status != StatusNotProbed {
			n += count
		}
	}
	return n
}

// Severity returns the severity of its state: Critical while a path fails, a critical finding is open, or it does not
// load; Warning and Info by its findings.
func (t *Tenant) Severity() check.Severity {
	severity := t.Expiry
	if t.Paths[StatusFailed] > 0 || t.LoadError != "" {
		severity = check.Critical
	}
	for s, n := range t.Findings {
		if n > 0 {
			severity = max(severity, s)
		}
	}
	return severity
}

// AddPath counts a path.
func (t *Tenant) AddPath(p *PathState) {
	status := p.Status()
	t.Paths[status]++
	if status == StatusFailed && (t.Since.IsZero() || p.Since.Before(t.Since)) {
		t.Since = p.Since
	}
}

// AddCertificate accounts for when a certificate expires.
func (t *Tenant) AddCertificate(c *Certificate) {
	if !c.Microsoft && !c.NotAfter.IsZero() && (t.NotAfter.IsZero() || c.NotAfter.Before(t.NotAfter)) {
		t.NotAfter = c.NotAfter
	}
	t.Expiry = max(t.Expiry, c.Expiry)
}

// NewTenant returns an empty summary.
func NewTenant(name string) *Tenant {
	return &Tenant{Name: name, Paths: map[Status]int{}, Findings: map[check.Severity]int{}}
}

// SummarizeTenants summarizes the tenants that these paths and findings are about, worst first. Tenants with neither
// are included if also reports so.
func (s *Snapshot) SummarizeTenants(
	paths []*PathState, findings []check.Finding, also func(tenant string) bool, now time.Time,
) []*Tenant {
	byName := make(map[string]*Tenant, len(s.Tenants))
	var tenants []*Tenant
	of := func(name string) *Tenant {
		t := byName[name]
		if t == nil {
			t = NewTenant(name)
			byName[name] = t
			tenants = append(tenants, t)
		}
		return t
	}
	for _, p := range paths {
		of(p.Path.ID.Tenant).AddPath(p)
	}
	for i := range findings {
		if f := &findings[i]; f.Tenant != "" && f.Suppressed == nil {
			of(f.Tenant).Findings[f.Severity]++
		}
	}
	certificates := s.Certificates(paths, now)
	for i := range certificates {
		of(certificates[i].Path.Path.ID.Tenant).AddCertificate(&certificates[i])
	}
	for i := range s.Tenants {
		if t := &s.Tenants[i]; byName[t.Name] != nil || also(t.Name) {
			of(t.Name).LoadError = t.LoadError
		}
	}
	SortWorstFirst(tenants)
	return tenants
}

// SortWorstFirst determines the state of each summary and sorts them by it.
func SortWorstFirst(tenants []*Tenant) {
	for _, t := range tenants {
		t.Status = WorstStatus(t.Paths)
	}
	slices.SortStableFunc(tenants, worstFirst)
}

// worstFirst orders by what needs attention first: failing paths, critical findings, the others by severity, then by
// how soon a certificate expires.
func worstFirst(a, b *Tenant) int {
	failing := func(t *Tenant) int { return t.Paths[StatusFailed] }
	return cmp.Or(
		cmp.Compare(min(failing(b), 1), min(failing(a), 1)),
		cmp.Compare(b.Severity(), a.Severity()),
		cmp.Compare(failing(b), failing(a)),
		cmp.Compare(b.Findings[check.Critical], a.Findings[check.Critical]),
		cmp.Compare(slices.Index(Statuses[:], a.Status), slices.Index(Statuses[:], b.Status)),
		cmp.Compare(b.Findings[check.Warning], a.Findings[check.Warning]),
		compareEnds(a.NotAfter, b.NotAfter),
		cmp.Compare(a.Name, b.Name),
	)
}

// compareEnds orders what expires sooner first, and what is unknown last.
func compareEnds(a, b time.Time) int {
	switch {
	case a.Equal(b):
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}
