package collector

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Board keeps what is known of every path. It is safe for concurrent use.
type Board struct {
	now     func() time.Time
	metrics *metricSet
	stages  *prometheus.HistogramVec // durations of passed stages

	mu        sync.RWMutex
	inventory *inventory
	order     []probes.PathID
	paths     map[probes.PathID]*PathState
	analysis  *Analysis
}

// NewBoard makes an empty board. The clock dates results that carry no time of their own.
func NewBoard(now func() time.Time) *Board {
	return &Board{
		now: now, metrics: newMetricSet(), inventory: &inventory{}, paths: map[probes.PathID]*PathState{}, analysis: &Analysis{},
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

// SetInventory replaces tenants and paths. Paths that remain keep their history and counters; the others are forgotten.
func (b *Board) SetInventory(tenants []mailflow.Tenant, paths []probes.Path) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := make(map[probes.PathID]*PathState, len(paths))
	order := make([]probes.PathID, 0, len(paths))
	for _, p := range paths {
		if _, twice := kept[p.ID]; twice {
			continue // two series would collide
		}
		state := PathState{}
		if old, ok := b.paths[p.ID]; ok {
			state = *old
		}
		state.Path, state.drawn = p, &drawing{}
		kept[p.ID] = &state
		order = append(order, p.ID)
	}
	b.inventory, b.order, b.paths = &inventory{tenants: slices.Clone(tenants), sorted: sortedIndex(order)}, order, kept
}

// Record takes a round in. Results of paths that the inventory does not know are dropped.
func (b *Board) Record(r probes.Result) {
	if r.Started.IsZero() {
		r.Started = b.now().Add(-r.Took)
	}
	r.Until = min(r.Until, probes.NumStages-1)
	b.mu.Lock()
	defer b.mu.Unlock()
	old, ok := b.paths[r.Path]
	if !ok {
		return
	}
	next := *old
	next.drawn = &drawing{}
	next.record(r)
	b.paths[r.Path] = &next
	b.observe(r)
}

func (b *Board) observe(r probes.Result) {
	for _, e := range r.Endpoints {
		for s, step := range e.Steps {
			if step.Outcome == probes.Passed {
				b.stages.WithLabelValues(clean(string(r.Path.Direction)), probes.Stages[s].Name).Observe(step.Took.Seconds())
			}
		}
	}
}

// View is a snapshot of the board. Treat it as read-only.
type View struct {
	Tenants   []mailflow.Tenant
	Paths     []*PathState // in the order of the configuration
	Analysis  *Analysis    // of the last judgement: it may know of less than Paths does
	inventory *inventory   // keeps the drawn series of Tenants; nil in a literal View
}

// View takes a snapshot. It costs a slice of pointers: states are replaced, never changed.
func (b *Board) View() *View {
	b.mu.RLock()
	defer b.mu.RUnlock()
	v := &View{Tenants: b.inventory.tenants, Analysis: b.analysis, Paths: make([]*PathState, 0, len(b.order)), inventory: b.inventory}
	for _, id := range b.order {
		v.Paths = append(v.Paths, b.paths[id])
	}
	return v
}

// sorted is the paths in the order of their labels, as far as the inventory knows it: the registry sorts what comes, and what
// comes sorted costs it little.
func (v *View) sorted() []*PathState {
	if v.inventory == nil || len(v.inventory.sorted) != len(v.Paths) {
		return v.Paths
	}
	paths := make([]*PathState, len(v.Paths))
	for i, from := range v.inventory.sorted {
		paths[i] = v.Paths[from]
	}
	return paths
}

// sortedIndex orders ids as the exposition does: by label name, then value.
func sortedIndex(ids []probes.PathID) []int {
	index := make([]int, len(ids))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(i, j int) int {
		a, b := ids[i], ids[j]
		return cmp.Or(cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Tenant, b.Tenant))
	})
	return index
}
