package collector

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Store keeps the state of every path. It is safe for concurrent use.
type Store struct {
	now    func() time.Time
	stages *prometheus.HistogramVec // durations of passed stages

	mu           sync.RWMutex
	tenants      []mailflow.Tenant
	inventory    *seriesCache // of tenants and their connectors
	states       []*PathState
	index        map[probes.PathID]int // into states
	report       *evaluate.Report
	reportSeries *seriesCache
	changes      map[change]uint64
	sources      map[string]tenantSource // by tenant
	restored     map[string]savedPath    // of paths that are not in the inventory yet, by target
	rounds       uint64                  // recorded, of probes and of negative controls

	trips *roundTripLog
}

var _ Source = (*Store)(nil)

// NewStore returns an empty store. The clock dates results that have no time of their own.
func NewStore(now func() time.Time) *Store {
	return &Store{
		now: now, inventory: &seriesCache{}, report: &evaluate.Report{}, reportSeries: &seriesCache{},
		changes: map[change]uint64{}, trips: newRoundTripLog(),
		stages: prometheus.NewHistogramVec(
			stageDuration.histogramOpts(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60), stageDuration.Labels),
	}
}

// Stages is the histogram of stage durations, which belongs in the registry.
func (s *Store) Stages() prometheus.Collector { return s.stages }

// SetInventory replaces tenants and paths. A path that was there before keeps its history and counters; the others
// are forgotten. The store keeps the paths themselves, which must not be changed afterwards.
func (s *Store) SetInventory(tenants []mailflow.Tenant, paths []probes.Path) {
	inventory := &seriesCache{}
	inventory.fill(func(e *emitter) { e.inventory(tenants) })
	s.replaceInventory(tenants, inventory, paths)
	for _, state := range s.Snapshot().Paths {
		state.series() // here, so that no scrape has to make them
	}
}

func (s *Store) replaceInventory(tenants []mailflow.Tenant, inventory *seriesCache, paths []probes.Path) {
	s.mu.Lock()
	defer s.mu.Unlock()
	states, index := make([]*PathState, 0, len(paths)), make(map[probes.PathID]int, len(paths))
	taken := make(map[identity]bool, len(paths))
	for i := range paths {
		p := &paths[i]
		if _, duplicate := index[p.ID]; duplicate {
			continue // the configuration does not allow it
		}
		state := &PathState{}
		if old, ok := s.index[p.ID]; ok {
			*state = *s.states[old]
		}
		id := pathIdentity(p.ID).sanitized()
		state.Path, state.cache, state.shadowed = p, &seriesCache{}, taken[id]
		if len(state.History) == 0 {
			s.claimHistory(state)
		}
		taken[id] = true
		index[p.ID] = len(states)
		states = append(states, state)
	}
	s.tenants, s.inventory, s.states, s.index = slices.Clone(tenants), inventory, states, index
}

// Record records a round. A result of a path that is not in the inventory is dropped.
func (s *Store) Record(r probes.Result) {
	if r.Started.IsZero() {
		r.Started = s.now().Add(-r.Duration)
	}
	r.Until = min(r.Until, probes.NumStages-1)
	if state := s.replaceState(&r); state != nil {
		s.observe(&r)
		state.series() // here, so that no scrape has to make them
	}
}

// replaceState replaces the state of the path of r and returns the new one; nil: the path is not in the inventory.
func (s *Store) replaceState(r *probes.Result) *PathState {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.index[r.Path]
	if !ok {
		return nil
	}
	next := *s.states[at]
	next.cache = &seriesCache{}
	next.record(r)
	s.states[at] = &next
	s.rounds++
	return &next
}

// RecordControls records the results of negative controls of a path.
func (s *Store) RecordControls(path probes.PathID, results []probes.ControlResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.index[path]
	if !ok {
		return
	}
	next := *s.states[at]
	next.recordControls(results)
	s.states[at] = &next
	s.rounds++ // the report depends on them
}

// observe records how long stages took: resolve once per host, whose endpoints share it, and message when one was
// sent.
func (s *Store) observe(r *probes.Result) {
	direction, hosts := LabelValue(string(r.Path.Direction)), map[string]bool{}
	for _, e := range r.Endpoints {
		for stage, step := range e.Steps {
			if step.Outcome != probes.Passed || step.Repeated || probes.Stage(stage) == probes.Resolve && hosts[e.Host] {
				continue
			}
			s.stages.WithLabelValues(direction, probes.Stages[stage].Name).Observe(step.Duration.Seconds())
		}
		hosts[e.Host] = true
	}
}

// Snapshot holds the state of every path at one moment. Treat it as read-only.
type Snapshot struct {
	Tenants []mailflow.Tenant
	Paths   []*PathState     // in the order of the configuration
	Report  *evaluate.Report // the latest; it may be older than Paths
	// Sources are the states of the services that records are read from, by tenant.
	Sources map[string]mailflow.SourceState
}

// Snapshot returns the present state. It copies a slice of pointers: states are replaced, never changed.
func (s *Store) Snapshot() *Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &Snapshot{
		Tenants: s.tenants, Paths: slices.Clone(s.states), Report: s.report, Sources: s.sourceStates(),
	}
}

// report returns the snapshot's report, or an empty one if there is none yet.
func (s *Snapshot) report() *evaluate.Report {
	if s.Report == nil {
		return &evaluate.Report{}
	}
	return s.Report
}

// RecordedRounds counts the rounds that Record and RecordControls have recorded. While it does not change, neither does
// the state of a path.
func (s *Store) RecordedRounds() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rounds
}

// Find returns the state of one path, or nil if it is not in the inventory.
func (s *Store) Find(id probes.PathID) *PathState {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.index[id]
	if !ok {
		return nil
	}
	return s.states[at]
}

// series returns the series of the inventory and of the paths.
func (s *Store) series() (groups []*group, dropped uint64) {
	s.mu.RLock()
	inventory, tenants, states := s.inventory, s.tenants, slices.Clone(s.states)
	s.mu.RUnlock()
	inventory.fill(func(e *emitter) { e.inventory(tenants) })
	groups, dropped = slices.Clone(inventory.groups), inventory.dropped
	for _, state := range states {
		cache := state.series()
		dropped += cache.dropped
		if state.shadowed {
			dropped += cache.size()
			continue
		}
		groups = append(groups, cache.groups...)
	}
	return groups, dropped
}

// ReportMetrics is the source of the series of the latest report.
func (s *Store) ReportMetrics() Source { return reportMetrics{s} }

type reportMetrics struct{ store *Store }

func (m reportMetrics) series() (groups []*group, dropped uint64) {
	m.store.mu.RLock()
	defer m.store.mu.RUnlock()
	return m.store.reportSeries.groups, m.store.reportSeries.dropped
}
