package collector

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// Source has series that were made before the scrape. Sources may share a metric and even an identity; of the same
// series of two sources the first source's is exposed.
type Source interface {
	// series must not block. The caller changes nothing of what it returns.
	series() (groups []*group, dropped uint64)
}

// Gatherer makes the page of metrics: the series of the sources, of the exporter itself and of a registry.
//
// A prometheus.Registry checks, hashes and sorts every series at every scrape. Here this is done when a series is
// made; a scrape puts groups into order and writes them.
type Gatherer struct {
	registry prometheus.Gatherer // nil: none
	exporter *ExporterMetrics    // nil: none
	sources  []Source
	globs    []string // of tenants; nil = all
	names    []string // of metrics; nil = all
}

var _ prometheus.Gatherer = (*Gatherer)(nil)

// NewGatherer gathers a registry and the exporter's own metrics, each of which may be nil, and the sources. A family
// of the registry that has the name of an emitted metric is left out.
func NewGatherer(registry prometheus.Gatherer, exporter *ExporterMetrics, sources ...Source) *Gatherer {
	return &Gatherer{registry: registry, exporter: exporter, sources: sources}
}

// The limits of the patterns of one scrape: each is compared with every tenant.
const (
	maxGlobs = 64
	maxGlob  = 4 * maxLabelValue // bytes; a name with each character escaped is shorter
)

// ForTenants gathers the series of the tenants that match one of the globs, and nothing of the exporter itself.
func (g *Gatherer) ForTenants(globs []string) (*Gatherer, error) {
	if len(globs) > maxGlobs {
		return nil, fmt.Errorf("%d tenant patterns, at most %d are allowed", len(globs), maxGlobs)
	}
	safe := make([]string, len(globs))
	for i, glob := range globs {
		if len(glob) > maxGlob {
			return nil, fmt.Errorf("a tenant pattern is longer than %d bytes", maxGlob)
		}
		safe[i] = hideSlashes(glob)
		if _, err := path.Match(safe[i], ""); err != nil {
			return nil, fmt.Errorf("tenant=%q: not a pattern", glob)
		}
	}
	return &Gatherer{sources: g.sources, globs: safe, names: g.names}, nil
}

// named gathers the metrics of these names alone.
func (g *Gatherer) named(names []string) *Gatherer {
	part := *g
	part.names = names
	return &part
}

// wants reports whether the metric of this name is on the page.
func (g *Gatherer) wants(name string) bool { return g.names == nil || slices.Contains(g.names, name) }

// hideSlashes replaces slashes, at which * of path.Match ends: a tenant's name is not a file name.
func hideSlashes(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// collect returns the series of the sources, of the wanted tenants.
func (g *Gatherer) collect() (groups []*group, dropped uint64) {
	for _, s := range g.sources {
		more, lost := s.series()
		groups, dropped = append(groups, more...), dropped+lost
	}
	if g.globs != nil {
		groups = slices.DeleteFunc(groups, g.unwanted())
	}
	return groups, dropped
}

// unwanted returns a function that reports whether a group's tenant matches no glob.
func (g *Gatherer) unwanted() func(*group) bool {
	known := map[string]bool{}
	return func(one *group) bool {
		tenant := one.id[idTenant]
		matches, ok := known[tenant]
		if !ok {
			matches = slices.ContainsFunc(g.globs, func(glob string) bool {
				match, err := path.Match(glob, hideSlashes(tenant))
				return err == nil && match
			})
			known[tenant] = matches
		}
		return !matches
	}
}

// empty reports whether the sources have no series of the wanted tenants.
func (g *Gatherer) empty() bool {
	groups, _ := g.collect()
	return len(groups) == 0
}

// page returns the page of one scrape. An error of the registry leaves what it could gather.
func (g *Gatherer) page() (*page, error) {
	groups, dropped := g.collect()
	p := newPage(groups, dropped)
	if g.exporter != nil {
		p.add(g.exporter.groups(p.dropped))
	}
	for _, m := range byName() {
		if !g.wants(m.Name) {
			p.entries[m.index] = nil
		}
	}
	if g.registry == nil {
		return p, nil
	}
	others, err := g.registry.Gather()
	p.others = slices.DeleteFunc(others, func(f *dto.MetricFamily) bool {
		return p.has(f.GetName()) || !g.wants(f.GetName())
	})
	return p, err //nolint:wrapcheck // the registry says whose error it is
}

// Write writes the page in the format. An error of the registry leaves out what it concerns and is returned after the
// rest was written.
func (g *Gatherer) Write(to io.Writer, format expfmt.Format) error {
	p, err := g.page()
	return errors.Join(p.write(to, format), err)
}

// Gather returns the page as the Prometheus libraries represent it.
func (g *Gatherer) Gather() ([]*dto.MetricFamily, error) {
	p, err := g.page()
	return slices.Collect(p.families()), err
}
