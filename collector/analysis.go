package collector

import (
	"maps"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Analysis is what was judged of one configuration and of what the probes had found by then. Treat it as read-only.
type Analysis struct {
	At           time.Time
	Findings     []check.Finding // suppressed ones too, in check.Run's order
	Attributions map[probes.PathID][]mailflow.Attribution
	Clients      map[probes.PathID]*probes.TLS // what each sender presents
	Overlaps     []mailflow.Overlap
	Tenants      []mailflow.Tenant
}

// Analyse judges the facts.
func Analyse(f *check.Facts) *Analysis {
	a := &Analysis{
		At: f.Now, Findings: check.Run(f), Attributions: f.Attributions, Overlaps: f.Overlaps,
		Clients: map[probes.PathID]*probes.TLS{}, Tenants: f.Tenants,
	}
	for i := range f.Paths {
		if p := &f.Paths[i]; p.Client != nil {
			a.Clients[p.ID] = p.Client
		}
	}
	return a
}

// before is what stands since when, for the next run.
func (a *Analysis) before() map[check.Key]time.Time {
	since := make(map[check.Key]time.Time, len(a.Findings))
	for _, f := range a.Findings {
		since[f.Key] = f.Since
	}
	return since
}

// Facts is what the store knows, for a judgement. What only the configuration knows is for the caller to add.
func (s *Store) Facts() *check.Facts {
	snapshot := s.Snapshot()
	f := &check.Facts{Now: s.now(), Tenants: snapshot.Tenants, FirstSeen: snapshot.Analysis.before(), Paths: make([]check.Path, 0, len(snapshot.Paths))}
	for _, state := range snapshot.Paths {
		f.Paths = append(f.Paths, state.facts())
	}
	return f
}

func (s *PathState) facts() check.Path {
	return check.Path{Path: s.Path, Conclusive: s.Conclusive, Newest: s.LastComplete, Endpoints: s.Endpoints}
}

// Changes are what may happen to a connector between two loads, as label values.
var Changes = [...]string{"added", "removed", "changed"}

type change struct{ tenant, kind string }

// CountChange takes in that a connector of a tenant is new, gone or different. It shows with the next analysis.
func (s *Store) CountChange(tenant, kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes[change{tenant, kind}]++
}

// SetAnalysis replaces the analysis.
func (s *Store) SetAnalysis(a *Analysis) {
	s.mu.RLock()
	changes := maps.Clone(s.changes)
	s.mu.RUnlock()
	cache := &seriesCache{}
	cache.fill(func(e *emitter) { e.analysis(a, changes) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.analysis, s.analysisSeries = a, cache
}
