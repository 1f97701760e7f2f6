package collector

import (
	"reflect"
	"slices"
	"sync"

	"m365_connector_exporter/probes"
)

// maxShared bounds how many certificates, and how many lines, are remembered to be shared.
const maxShared = 2048

// shared lets endpoints hold the same certificate and the same line of dialogue once: an intermediate stands behind thousands of
// servers, and most of what mail servers say they all say. Without it that is half of what a board holds.
type shared struct {
	mu           sync.Mutex
	certificates map[string]probes.Certificate // by fingerprint
	lines        map[string]string
}

func newShared() *shared {
	return &shared{certificates: map[string]probes.Certificate{}, lines: map[string]string{}}
}

// round returns r with what is known already, and without the certificates' DER: a board is read for facts. The round that came in
// belongs to others too and stays as it is.
func (s *shared) round(r probes.Result) probes.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Endpoints = slices.Clone(r.Endpoints)
	for i := range r.Endpoints {
		e := &r.Endpoints[i]
		e.Transcript = slices.Clone(e.Transcript)
		for n := range e.Transcript {
			e.Transcript[n].Text = s.line(e.Transcript[n].Text)
		}
		if e.TLS != nil {
			own := *e.TLS
			own.Chain = slices.Clone(own.Chain)
			for n := range own.Chain {
				own.Chain[n] = s.certificate(own.Chain[n])
			}
			e.TLS = &own
		}
	}
	return r
}

func (s *shared) line(text string) string {
	known, ok := s.lines[text]
	if !ok {
		remember(s.lines, text, text)
		return text
	}
	return known
}

func (s *shared) certificate(c probes.Certificate) probes.Certificate {
	c.Raw = nil
	known, ok := s.certificates[c.Fingerprint]
	if ok && reflect.DeepEqual(known, c) {
		return known
	}
	remember(s.certificates, c.Fingerprint, c)
	return c
}

// remember forgets something at random where there is no room: what is common comes back at once.
func remember[V any](known map[string]V, key string, value V) {
	for other := range known {
		if len(known) < maxShared {
			break
		}
		delete(known, other)
	}
	known[key] = value
}
