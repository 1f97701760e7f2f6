package collector

import (
	"fmt"
	"path"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "m365_connector_"

// Collector makes const metrics from a snapshot of the board. It reads only: no value depends on how often one scrapes.
type Collector struct {
	view    func() *View
	metrics *metricSet
	stages  prometheus.Collector // nil: without the histogram
	globs   []string             // of tenants; nil = all
	dropped *atomic.Uint64
}

var _ prometheus.Collector = (*Collector)(nil)

// New makes a collector over everything on the board.
func New(b *Board) *Collector {
	return &Collector{view: b.View, metrics: b.metrics, stages: b.stages, dropped: &atomic.Uint64{}}
}

// NewFromView makes a collector of one snapshot, without the histogram that a board keeps beside its snapshots.
func NewFromView(v *View) *Collector {
	return &Collector{view: func() *View { return v }, metrics: newMetricSet(), dropped: &atomic.Uint64{}}
}

// Filtered is the same collector for the tenants that match one of the globs.
func (c *Collector) Filtered(globs []string) (*Collector, error) {
	if len(globs) > 64 {
		return nil, fmt.Errorf("at most 64 tenant patterns")
	}
	for _, g := range globs {
		if _, err := path.Match(g, ""); err != nil {
			return nil, fmt.Errorf("tenant=%q: not a pattern", g)
		}
	}
	filtered := *c
	filtered.globs, filtered.stages = globs, nil // the histogram has no tenant
	return &filtered, nil
}

// Dropped is how many series the newest scrape left out because their label set was already taken.
func (c *Collector) Dropped() uint64 { return c.dropped.Load() }

// Describe sends every description.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.metrics.descs {
		ch <- d
	}
	if c.stages != nil {
		c.stages.Describe(ch)
	}
}

// Collect sends what the board knows now.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	view := c.view()
	c.dropped.Store(c.tenants(ch, view) + c.paths(ch, view))
	if c.stages != nil {
		c.stages.Collect(ch)
	}
}

// tenants sends the series of connectors. Two tenants whose names are the same once cleaned are told apart by nothing: the first wins.
func (c *Collector) tenants(ch chan<- prometheus.Metric, view *View) (dropped uint64) {
	seen := map[string]bool{}
	for i := range view.Tenants {
		t := &view.Tenants[i]
		if !c.wants(t.Name) {
			continue
		}
		drawn, twice := view.inventory.drawing(i).draw(c.metrics, func(p *pen) { p.tenant(t) })
		dropped += twice + c.send(ch, drawn, seen, clean(t.Name))
	}
	return dropped
}

// paths sends the series of paths. A path whose labels, once cleaned, are another's is left out whole: a mixture of both would lie.
func (c *Collector) paths(ch chan<- prometheus.Metric, view *View) (dropped uint64) {
	seen := map[string]bool{}
	for _, s := range view.sorted() {
		if !c.wants(s.Path.ID.Tenant) {
			continue
		}
		drawn, twice := s.drawn.draw(c.metrics, func(p *pen) { p.path(s) })
		dropped += twice
		if len(drawn) > 0 {
			id := s.Path.ID
			key := strings.Join([]string{clean(id.Tenant), clean(string(id.Direction)), clean(id.Connector), clean(id.Path)}, "\x00")
			dropped += c.send(ch, drawn, seen, key)
		}
	}
	return dropped
}

func (c *Collector) send(ch chan<- prometheus.Metric, drawn []series, seen map[string]bool, key string) (dropped uint64) {
	if seen[key] {
		return uint64(len(drawn))
	}
	seen[key] = true
	for _, s := range drawn {
		ch <- s
	}
	return 0
}

func (c *Collector) wants(tenant string) bool {
	if c.globs == nil {
		return true
	}
	for _, g := range c.globs {
		if ok, err := path.Match(g, tenant); err == nil && ok {
			return true
		}
	}
	return false
}
