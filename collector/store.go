package collector

import (
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Store keeps what is known of every path. It is safe for concurrent use.
type Store struct {
	now    func() time.Time
	stages *prometheus.HistogramVec // durations of passed stages

	mu         sync.RWMutex
	tenants    []mailflow.Tenant
	connectors *drawing // the series of tenants and their connectors
	states     []*PathState
	index      map[probes.PathID]int // into states
	analysis   *Analysis
	changes    map[change]uint64
	rounds     uint64 // taken in
}

var _ Source = (*Store)(nil)

// NewStore returns an empty store. The clock dates results that carry no time of their own.
func NewStore(now func() time.Time) *Store {
	return &Store{
		now: now, connectors: &drawing{}, analysis: &Analysis{drawn: &drawing{}}, changes: map[change]uint64{},
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            namespace + stageHistogram.Name,
			Help:                            stageHistogram.Help,
			Buckets:                         []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, stageHistogram.Labels),
	}
}

// Stages is the histogram of stage durations, which has no snapshot: it belongs into the registry of the exporter's own metrics.
func (s *Store) Stages() prometheus.Collector { return s.stages }

// SetInventory replaces tenants and paths. Paths that remain keep their history and counters; the others are forgotten. The store holds
// paths itself, not a copy: nobody changes it afterwards.
func (s *Store) SetInventory(tenants []mailflow.Tenant, paths []probes.Path) {
	connectors := &drawing{}
	connectors.draw(func(p *pen) { p.tenants(tenants) })
	s.mu.Lock()
	defer s.mu.Unlock()
	states, index, taken := make([]*PathState, 0, len(paths)), make(map[probes.PathID]int, len(paths)), make(map[identity]bool, len(paths))
	for i := range paths {
		p := &paths[i]
		if _, twice := index[p.ID]; twice {
			continue // the configuration does not let this happen
		}
		id := pathIdentity(p.ID).clean()
		state := PathState{Path: p, drawn: &drawing{}}
		if old, ok := s.index[p.ID]; ok {
			state = s.states[old].moved(p)
		}
		state.shadowed, taken[id] = taken[id], true
		index[p.ID] = len(states)
		states = append(states, &state)
	}
	s.tenants, s.connectors, s.states, s.index = slices.Clone(tenants), connectors, states, index
}

// moved is the state under a new configuration. What is drawn stays so while the path is the same. The new path is taken all the same:
// the old one would keep every path of its configuration in memory.
func (s *PathState) moved(p *probes.Path) PathState {
	next := *s
	next.Path = p
	if !reflect.DeepEqual(s.Path, p) {
		next.drawn = &drawing{}
	}
	return next
}

// Record takes a round in. Results of paths that the inventory does not know are dropped.
func (s *Store) Record(r probes.Result) {
	if r.Started.IsZero() {
		r.Started = s.now().Add(-r.Duration)
	}
	r.Until = min(r.Until, probes.NumStages-1)
	if state := s.replace(r); state != nil {
		s.observe(r)
		state.drawing() // here, so that no scrape pays for it
	}
}

// replace puts the state after r in the place of the one before; nil: the path is not known.
func (s *Store) replace(r probes.Result) *PathState {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.index[r.Path]
	if !ok {
		return nil
	}
	next := *s.states[at]
	next.drawn = &drawing{}
	next.record(r)
	s.states[at] = &next
	s.rounds++
	return &next
}

// observe takes in how long stages took: resolve once per host, whose endpoints all have the same.
func (s *Store) observe(r probes.Result) {
	direction, hosts := clean(string(r.Path.Direction)), map[string]bool{}
	for _, e := range r.Endpoints {
		for stage, step := range e.Steps {
			if step.Outcome != probes.Passed || probes.Stage(stage) == probes.Resolve && hosts[e.Host] {
				continue
			}
			s.stages.WithLabelValues(direction, probes.Stages[stage].Name).Observe(step.Duration.Seconds())
		}
		hosts[e.Host] = true
	}
}

// Snapshot holds the state of every path at one moment. Treat it as read-only.
type Snapshot struct {
	Tenants  []mailflow.Tenant
	Paths    []*PathState // in the order of the configuration
	Analysis *Analysis    // of the last judgement: it may know of less than Paths does
}

// Snapshot takes a snapshot. It costs a slice of pointers: states are replaced, never changed.
func (s *Store) Snapshot() *Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &Snapshot{Tenants: s.tenants, Paths: slices.Clone(s.states), Analysis: s.analysis}
}

// RecordedRounds counts what Record has taken in: while it stays, so does what is known of the paths.
func (s *Store) RecordedRounds() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rounds
}

// Find is one path of the snapshot, by its exact name; nil where there is none.
func (s *Store) Find(id probes.PathID) *PathState {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.index[id]
	if !ok {
		return nil
	}
	return s.states[at]
}

func (s *Store) snapshot() ([]*group, uint64) {
	s.mu.RLock()
	connectors, states := s.connectors, slices.Clone(s.states)
	s.mu.RUnlock()
	groups, dropped := slices.Clone(connectors.groups), connectors.dropped
	for _, state := range states {
		drawn := state.drawing()
		dropped += drawn.dropped
		if state.shadowed {
			dropped += drawn.size()
			continue
		}
		groups = append(groups, drawn.groups...)
	}
	return groups, dropped
}
