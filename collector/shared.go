package collector

import (
	"reflect"
	"slices"
	"sync"

	"m365_connector_exporter/probes"
)

// maxShared bounds how many certificates are remembered to be shared.
const maxShared = 2048

// shared lets endpoints hold the same certificate once: an intermediate stands behind thousands of servers.
type shared struct {
	mu           sync.Mutex
	certificates map[string]*probes.Certificate // by fingerprint
}

func newShared() *shared {
	return &shared{certificates: map[string]*probes.Certificate{}}
}

// round returns r with what is known already, from the round before it or from others. The round that came in belongs to others too
// and stays as it is.
func (s *shared) round(r probes.Result, before *probes.Result) probes.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Endpoints = slices.Clone(r.Endpoints)
	for i := range r.Endpoints {
		e := &r.Endpoints[i]
		old := same(before, e)
		for n := range e.Steps {
			e.Steps[n] = step(e.Steps[n], &old.Steps[n])
		}
		e.TLS = s.tls(e.TLS, old.TLS)
	}
	return r
}

// same is what the round before found at the endpoint; nothing where it did not have it.
func same(before *probes.Result, e *probes.Endpoint) *probes.Endpoint {
	if before != nil {
		for i := range before.Endpoints {
			if old := &before.Endpoints[i]; old.Host == e.Host && old.Addr == e.Addr {
				e.Host = old.Host
				return old
			}
		}
	}
	return &probes.Endpoint{}
}

// step is the step with the texts of the one before it, where they are equal.
func step(now probes.Step, old *probes.Step) probes.Step {
	for _, text := range [...]struct{ now, old *string }{
		{&now.Detail, &old.Detail}, {&now.Reply.Text, &old.Reply.Text}, {&now.Reply.Enhanced, &old.Reply.Enhanced}, {&now.Uncertain, &old.Uncertain},
	} {
		if *text.now == *text.old {
			*text.now = *text.old
		}
	}
	return now
}

// tls keeps the old value as long as nothing changes, which is for weeks.
func (s *shared) tls(now, old *probes.TLS) *probes.TLS {
	switch {
	case now == nil:
		return nil
	case old != nil && reflect.DeepEqual(now, old):
		return old
	}
	own := *now
	own.Chain = slices.Clone(own.Chain)
	for n := range own.Chain {
		own.Chain[n] = s.certificate(own.Chain[n])
	}
	return &own
}

func (s *shared) certificate(c *probes.Certificate) *probes.Certificate {
	known, ok := s.certificates[c.Fingerprint]
	if ok && reflect.DeepEqual(known, c) {
		return known
	}
	remember(s.certificates, c.Fingerprint, c)
	return c
}

// remember forgets something at random where there is no room: what is common comes back at once.
func remember[K comparable, V any](known map[K]V, key K, value V) {
	for other := range known {
		if len(known) < maxShared {
			break
		}
		delete(known, other)
	}
	known[key] = value
}
