package collector

import (
	"maps"
	"slices"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// tenantSource is the state of the service that a tenant's records are read from, with its series.
type tenantSource struct {
	state mailflow.SourceState
	cache *seriesCache
}

func newTenantSource(tenant string, state mailflow.SourceState) tenantSource {
	s := tenantSource{state, &seriesCache{}}
	s.cache.fill(func(e *emitter) {
		e.setLabels(tenantIdentity(tenant), tenant)
		e.source(state)
	})
	return s
}

// source emits the series of a service.
func (e *emitter) source(state mailflow.SourceState) {
	if !state.Success.IsZero() {
		e.emit(sourceLastSuccess, unixSeconds(state.Success), state.Source)
	}
	for _, c := range state.Cmdlets {
		e.emit(sourceSuccess, boolToFloat(c.OK), state.Source, c.Cmdlet)
		if !c.OK {
			e.emit(sourceFailureInfo, 1, c.Cmdlet, c.Reason)
		}
	}
}

// SetSources replaces the states of all services that records of tenants are read from.
func (s *Store) SetSources(states map[string]mailflow.SourceState) {
	sources := make(map[string]tenantSource, len(states))
	for tenant, state := range states {
		sources[tenant] = newTenantSource(tenant, state)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.useSources(sources)
}

// SetSource replaces that of one tenant. Its records are as old as the newest good read, even if that brought none that
// differ.
func (s *Store) SetSource(tenant string, state mailflow.SourceState) {
	one := newTenantSource(tenant, state)
	s.mu.Lock()
	defer s.mu.Unlock()
	sources := maps.Clone(s.sources)
	if sources == nil {
		sources = map[string]tenantSource{}
	}
	sources[tenant] = one
	s.useSources(sources)
}

// useSources replaces the states, and with them the times of the tenants' records. The next scrape makes the series,
// because hundreds of tenants may be read between two scrapes. The caller holds the lock.
func (s *Store) useSources(sources map[string]tenantSource) {
	s.sources = sources
	tenants := slices.Clone(s.tenants)
	for i := range tenants {
		if at := sources[tenants[i].Name].state.Success; at.After(tenants[i].InventoryTime) {
			tenants[i].InventoryTime = at
		}
	}
	s.tenants, s.inventory = tenants, &seriesCache{}
}

// readTimes returns when the records of the tenants that are read from a service were read.
func readTimes(sources map[string]mailflow.SourceState) map[string]time.Time {
	times := make(map[string]time.Time, len(sources))
	for tenant, state := range sources {
		times[tenant] = state.Success
	}
	return times
}

// sourceStates returns the states by tenant. The caller holds the lock.
func (s *Store) sourceStates() map[string]mailflow.SourceState {
	states := make(map[string]mailflow.SourceState, len(s.sources))
	for tenant, source := range s.sources {
		states[tenant] = source.state
	}
	return states
}

// SourceMetrics is the source of the series about the services that records are read from.
func (s *Store) SourceMetrics() Source { return sourceMetrics{s} }

type sourceMetrics struct{ store *Store }

func (m sourceMetrics) series() (groups []*group, dropped uint64) {
	m.store.mu.RLock()
	defer m.store.mu.RUnlock()
	taken := map[identity]bool{}
	for _, t := range m.store.tenants {
		source, has := m.store.sources[t.Name]
		id := tenantIdentity(t.Name).sanitized()
		switch {
		case !has:
		case taken[id]:
			dropped += source.cache.size()
		default:
			taken[id] = true
			groups, dropped = append(groups, source.cache.groups...), dropped+source.cache.dropped
		}
	}
	return groups, dropped
}
