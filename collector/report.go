package collector

import (
	"maps"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
)

// Observations returns what an evaluation needs from the store: the state of each path, and the newest report.
func (s *Store) Observations() *evaluate.Snapshot {
	snapshot := s.Snapshot()
	paths := make([]check.Path, len(snapshot.Paths))
	for i, state := range snapshot.Paths {
		paths[i] = check.Path{
			Path: state.Path, Conclusive: state.Conclusive, Newest: state.LastComplete, Endpoints: state.Endpoints,
			Renewals: state.Renewals, ControlResults: conclusiveControls(state),
		}
	}
	return &evaluate.Snapshot{Paths: paths, Previous: snapshot.Report, ReadTimes: readTimes(snapshot.Sources)}
}

// Changes are what may happen to a connector between two loads, as label values.
var Changes = [...]string{"added", "removed", "changed"}

type change struct{ tenant, kind string }

// CountChange counts a connector of a tenant that is new, gone or different. The counter is exposed with the next
// report.
func (s *Store) CountChange(tenant, kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes[change{tenant, kind}]++
}

// SetReport replaces the report. Its series are rendered here, so that no scrape waits for them.
func (s *Store) SetReport(r *evaluate.Report) {
	s.mu.RLock()
	changes := maps.Clone(s.changes)
	s.mu.RUnlock()
	cache := &seriesCache{}
	cache.fill(func(e *emitter) { e.report(r, changes) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recordClients(s.report, r)
	s.report, s.reportSeries = r, cache
}
