package collector

import (
	"net/netip"
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

	mu      sync.RWMutex
	tenants []mailflow.Tenant
	order   []probes.PathID
	paths   map[probes.PathID]*PathState
}

// PathState is what is known of one path. Treat it as read-only: View hands out the Board's own values, which Record replaces
// and never changes.
type PathState struct {
	Path        probes.Path
	Newest      *probes.Result // nil before the first round
	Verdict     probes.Outcome // of the last conclusive round; NotReached before it
	Since       time.Time      // when Verdict last changed
	Stage       probes.Stage   // where it failed, while Verdict is Failed
	Reason      probes.Reason
	LastRun     time.Time
	LastSuccess time.Time
	Rounds      [4]uint64 // by Outcome; provisional rounds do not count
	Endpoints   map[EndpointKey]EndpointState
	History     []Round // newest last, at most maxHistory
}

// EndpointKey names an endpoint of a path as the labels do.
type EndpointKey struct{ Host, Address string }

// EndpointState is what stays known of an endpoint when it cannot be reached.
type EndpointState struct {
	Verdict probes.Outcome
	TLS     *probes.TLS // of the last handshake
}

// Round is a line of a path's history.
type Round struct {
	At      time.Time
	Outcome probes.Outcome
	Stage   probes.Stage
	Reason  probes.Reason
}

// maxHistory bounds each path's history on its own, so that one failing path cannot evict another's.
const maxHistory = 20

// NewBoard makes an empty board.
func NewBoard(now func() time.Time) *Board {
	return &Board{
		now:   now,
		paths: map[probes.PathID]*PathState{},
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "m365_connector_stage_duration_seconds",
			Help:                            "How long passed stages took.",
			Buckets:                         []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"direction", "stage"}),
	}
}

// SetInventory replaces tenants and paths. Paths that remain keep their history and counters.
func (b *Board) SetInventory(tenants []mailflow.Tenant, paths []probes.Path) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := make(map[probes.PathID]*PathState, len(paths))
	b.order = b.order[:0]
	for _, p := range paths {
		if _, twice := kept[p.ID]; twice {
			continue // two series would collide
		}
		state := PathState{Path: p}
		if old, ok := b.paths[p.ID]; ok {
			state = *old
			state.Path = p
		}
		kept[p.ID] = &state
		b.order = append(b.order, p.ID)
	}
	b.tenants, b.paths = tenants, kept
}

// Record takes a round in. Results of paths that the inventory does not know are dropped.
func (b *Board) Record(r probes.Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, ok := b.paths[r.Path]
	if !ok {
		return
	}
	next := *old
	next.record(r)
	b.paths[r.Path] = &next
	b.observe(r)
}

// record applies one round. An inconclusive or provisional round changes no verdict and no certificate.
func (s *PathState) record(r probes.Result) {
	outcome := r.Outcome()
	s.Newest, s.LastRun = &r, r.Started.Add(r.Took)
	_, stage, step, _ := r.Failure()
	s.History = append(s.History[max(0, len(s.History)-maxHistory+1):len(s.History):len(s.History)],
		Round{r.Started, outcome, stage, step.Reason})
	if r.Provisional {
		return
	}
	s.Rounds[outcome]++
	s.keepEndpoints(r)
	if outcome == probes.Inconclusive {
		return
	}
	if outcome != s.Verdict {
		s.Since = r.Started
	}
	s.Verdict, s.Stage, s.Reason = outcome, stage, step.Reason
	if outcome == probes.Passed {
		s.LastSuccess = s.LastRun
	}
}

// keepEndpoints keeps verdicts and certificates per endpoint. Where names resolved, an address that is gone from DNS goes here too.
func (s *PathState) keepEndpoints(r probes.Result) {
	kept := map[EndpointKey]EndpointState{}
	if !resolved(r) {
		for k, v := range s.Endpoints {
			kept[k] = v
		}
	}
	for _, e := range r.Endpoints {
		key := KeyOf(e)
		state := s.Endpoints[key]
		if o := e.Outcome(r.Until); o == probes.Passed || o == probes.Failed {
			state.Verdict = o
		}
		if e.TLS != nil && (len(e.TLS.Chain) > 0 || e.TLS.Unparsable != "") {
			state.TLS = e.TLS
		}
		kept[key] = state
	}
	s.Endpoints = kept
}

func resolved(r probes.Result) bool {
	for _, e := range r.Endpoints {
		if e.Steps[probes.Resolve].Outcome != probes.Passed {
			return false
		}
	}
	return len(r.Endpoints) > 0
}

// KeyOf is the endpoint's identity in labels: no port, no brackets; no address where there is none or it changes each round.
func KeyOf(e probes.Endpoint) EndpointKey {
	if e.Hide || e.Addr.Addr() == (netip.Addr{}) {
		return EndpointKey{Host: e.Host}
	}
	return EndpointKey{e.Host, e.Addr.Addr().String()}
}

func (b *Board) observe(r probes.Result) {
	for _, e := range r.Endpoints {
		for s, step := range e.Steps {
			if step.Outcome == probes.Passed {
				b.stages.WithLabelValues(string(r.Path.Direction), probes.Stages[s].Name).Observe(step.Took.Seconds())
			}
		}
	}
}

// View is a snapshot of the board.
type View struct {
	Tenants []mailflow.Tenant
	Paths   []*PathState // in the order of the configuration
}

// View takes a snapshot. It costs a slice of pointers: states are replaced, never changed.
func (b *Board) View() *View {
	b.mu.RLock()
	defer b.mu.RUnlock()
	v := &View{Tenants: b.tenants, Paths: make([]*PathState, 0, len(b.order))}
	for _, id := range b.order {
		v.Paths = append(v.Paths, b.paths[id])
	}
	return v
}
