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

// Board keeps what is known of every path. It is safe for concurrent use.
type Board struct {
	now    func() time.Time
	stages *prometheus.HistogramVec // durations of passed stages
	shared *shared

	mu         sync.RWMutex
	tenants    []mailflow.Tenant
	connectors *drawing // the series of tenants and their connectors
	states     []*PathState
	index      map[probes.PathID]int // into states
	analysis   *Analysis
	changes    map[change]uint64
	rounds     uint64 // taken in
}

var _ Source = (*Board)(nil)

// NewBoard makes an empty board. The clock dates results that carry no time of their own.
func NewBoard(now func() time.Time) *Board {
	return &Board{
		now: now, shared: newShared(), connectors: &drawing{}, analysis: &Analysis{drawn: &drawing{}}, changes: map[change]uint64{},
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
func (b *Board) Stages() prometheus.Collector { return b.stages }

// SetInventory replaces tenants and paths. Paths that remain keep their history and counters; the others are forgotten. The board holds
// paths itself, not a copy: nobody changes it afterwards.
func (b *Board) SetInventory(tenants []mailflow.Tenant, paths []probes.Path) {
	connectors := &drawing{}
	connectors.draw(func(p *pen) { p.tenants(tenants) })
	b.mu.Lock()
	defer b.mu.Unlock()
	states, index, taken := make([]*PathState, 0, len(paths)), make(map[probes.PathID]int, len(paths)), make(map[identity]bool, len(paths))
	for i := range paths {
		p := &paths[i]
		if _, twice := index[p.ID]; twice {
			continue // the configuration does not let this happen
		}
		id := pathIdentity(p.ID).clean()
		state := PathState{Path: p, drawn: &drawing{}}
		if old, ok := b.index[p.ID]; ok {
			state = b.states[old].moved(p)
		}
		state.hidden, taken[id] = taken[id], true
		index[p.ID] = len(states)
		states = append(states, &state)
	}
	b.tenants, b.connectors, b.states, b.index = slices.Clone(tenants), connectors, states, index
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
func (b *Board) Record(r probes.Result) {
	if r.Started.IsZero() {
		r.Started = b.now().Add(-r.Duration)
	}
	r.Until = min(r.Until, probes.NumStages-1)
	var before *probes.Result
	if known := b.Find(r.Path); known != nil {
		before = known.Newest
	}
	if state := b.replace(b.shared.round(r, before)); state != nil {
		b.observe(r)
		state.drawing() // here, so that no scrape pays for it
	}
}

// replace puts the state after r in the place of the one before; nil: the path is not known.
func (b *Board) replace(r probes.Result) *PathState {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, ok := b.index[r.Path]
	if !ok {
		return nil
	}
	next := *b.states[at]
	next.drawn = &drawing{}
	next.record(r)
	b.states[at] = &next
	b.rounds++
	return &next
}

// observe takes in how long stages took: resolve once per host, whose endpoints all have the same.
func (b *Board) observe(r probes.Result) {
	direction, hosts := clean(string(r.Path.Direction)), map[string]bool{}
	for _, e := range r.Endpoints {
		for s, step := range e.Steps {
			if step.Outcome != probes.Passed || probes.Stage(s) == probes.Resolve && hosts[e.Host] {
				continue
			}
			b.stages.WithLabelValues(direction, probes.Stages[s].Name).Observe(step.Duration.Seconds())
		}
		hosts[e.Host] = true
	}
}

// View is a snapshot of the board. Treat it as read-only.
type View struct {
	Tenants  []mailflow.Tenant
	Paths    []*PathState // in the order of the configuration
	Analysis *Analysis    // of the last judgement: it may know of less than Paths does
}

// View takes a snapshot. It costs a slice of pointers: states are replaced, never changed.
func (b *Board) View() *View {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return &View{Tenants: b.tenants, Paths: slices.Clone(b.states), Analysis: b.analysis}
}

// Rounds counts what Record has taken in: while it stays, so does what is known of the paths.
func (b *Board) Rounds() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.rounds
}

// Find is one path of the view, by its exact name; nil where there is none.
func (b *Board) Find(id probes.PathID) *PathState {
	b.mu.RLock()
	defer b.mu.RUnlock()
	at, ok := b.index[id]
	if !ok {
		return nil
	}
	return b.states[at]
}

func (b *Board) snapshot() ([]*group, uint64) {
	b.mu.RLock()
	connectors, states := b.connectors, slices.Clone(b.states)
	b.mu.RUnlock()
	groups, dropped := slices.Clone(connectors.groups), connectors.dropped
	for _, s := range states {
		drawn := s.drawing()
		dropped += drawn.dropped
		if s.hidden {
			dropped += drawn.size()
			continue
		}
		groups = append(groups, drawn.groups...)
	}
	return groups, dropped
}
