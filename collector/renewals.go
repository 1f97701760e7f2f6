package collector

import (
	"time"

	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

// Renewal is a certificate that was replaced by one that expires later, as seen at an endpoint or for a sender.
type Renewal struct {
	At       time.Time   `json:"at"`       // when the new certificate was first seen
	Endpoint EndpointKey `json:"endpoint"` // empty for a sender's
	Previous time.Time   `json:"previous"` // when the old certificate expires
	NotAfter time.Time   `json:"not_after"`
}

// maxRenewals bounds the renewals that are kept per path.
const maxRenewals = 8

// recordRenewal compares the certificate that is shown now with the previous one. Servers behind one address may show
// an old and a new one in turns, which is one renewal.
func (s *PathState) recordRenewal(endpoint EndpointKey, previous, now *probes.TLS, at time.Time) {
	if previous == nil || len(previous.Chain) == 0 || len(now.Chain) == 0 {
		return
	}
	before, after := previous.Chain[0], now.Chain[0]
	if before.Fingerprint == after.Fingerprint || !after.NotAfter.After(before.NotAfter) {
		return
	}
	for _, known := range s.Renewals {
		if known.Endpoint == endpoint && !after.NotAfter.After(known.NotAfter) {
			return
		}
	}
	s.Renewals = appendBounded(s.Renewals,
		Renewal{At: at, Endpoint: endpoint, Previous: before.NotAfter, NotAfter: after.NotAfter}, maxRenewals)
}

// recordClients records the renewals of the certificates that senders present. The caller holds the lock.
func (s *Store) recordClients(previous, now *evaluate.Report) {
	for id, client := range now.Clients {
		at, known := s.index[id]
		before := previous.Clients[id]
		if !known || before == nil || before.Chain[0].Fingerprint == client.Chain[0].Fingerprint {
			continue
		}
		next := *s.states[at]
		next.recordRenewal(EndpointKey{}, before, client, now.At)
		s.states[at] = &next
	}
}

// renewalsOf returns the renewals at an endpoint, or of the sender's certificate.
func (s *PathState) renewalsOf(endpoint EndpointKey) (all []Renewal) {
	for _, r := range s.Renewals {
		if r.Endpoint == endpoint {
			all = append(all, r)
		}
	}
	return all
}
