package collector

import (
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

// The renewals that are kept of each endpoint, and of a path: DNS may return new endpoints again and again.
const (
	maxEndpointRenewals = 4
	maxRenewals         = 64
)

// recordRenewal compares the certificate that is shown now with the previous one. Servers behind one address may show
// an old and a new one in turns, which is one renewal.
func (s *PathState) recordRenewal(endpoint EndpointKey, previous, now *probes.TLS, at time.Time) {
	if len(now.Chain) == 0 {
		return
	}
	before, after := s.leafBefore(endpoint, previous), check.LeafOf(now.Chain[0])
	s.forgetLeafBefore(endpoint)
	s.recordOld(endpoint, after, at)
	unknown := before.NotAfter.IsZero()
	if unknown || before.Fingerprint == after.Fingerprint || !after.NotAfter.After(before.NotAfter) {
		return
	}
	for _, known := range s.Renewals {
		if isAt(known, endpoint) && !after.NotAfter.After(known.New.NotAfter) {
			return
		}
	}
	s.Renewals = appendRenewal(s.Renewals, check.Renewal{
		At: at, Host: endpoint.Host, Address: endpoint.Address, Old: before, New: after,
	})
}

// recordOld records that a certificate is shown again after it was replaced.
func (s *PathState) recordOld(endpoint EndpointKey, shown check.Leaf, at time.Time) {
	i := slices.IndexFunc(s.Renewals, func(r check.Renewal) bool {
		return isAt(r, endpoint) && r.Old.Fingerprint == shown.Fingerprint && shown.Fingerprint != ""
	})
	if i >= 0 {
		s.Renewals = slices.Clone(s.Renewals) // a Snapshot may still hold the old ones
		s.Renewals[i].OldLastSeen = at
	}
}

// appendRenewal returns the list with one more renewal, without the oldest ones beyond the limits. It copies the list,
// because a [Snapshot] may still hold the old one.
func appendRenewal(list []check.Renewal, next check.Renewal) []check.Renewal {
	list = append(slices.Clone(list), next)
	same := func(r check.Renewal) bool { return r.Host == next.Host && r.Address == next.Address }
	count := 0
	for _, r := range list {
		if same(r) {
			count++
		}
	}
	if count > maxEndpointRenewals {
		oldest := slices.IndexFunc(list, same)
		list = slices.Delete(list, oldest, oldest+1)
	}
	return last(list, maxRenewals)
}

// recordClients records the renewals of the certificates that senders present. The caller holds the lock.
func (s *Store) recordClients(previous, now *evaluate.Report) {
	for id, client := range now.Clients {
		at, known := s.index[id]
		if !known {
			continue
		}
		before := previous.Clients[id]
		if s.states[at].leafBefore(EndpointKey{}, before).Fingerprint == client.Chain[0].Fingerprint {
			continue
		}
		next := *s.states[at]
		next.recordRenewal(EndpointKey{}, before, client, now.At)
		s.states[at] = &next
	}
}

func isAt(r check.Renewal, endpoint EndpointKey) bool {
	return r.Host == endpoint.Host && r.Address == endpoint.Address
}

// renewalsOf returns the renewals at an endpoint, or of the sender's certificate.
func (s *PathState) renewalsOf(endpoint EndpointKey) (all []check.Renewal) {
	for _, r := range s.Renewals {
		if isAt(r, endpoint) {
			all = append(all, r)
		}
	}
	return all
}

// savedRenewal is a renewal in the file of the history. Earlier versions saved only the first four values.
type savedRenewal struct {
	At                  time.Time   `json:"at"`
	Endpoint            EndpointKey `json:"endpoint"` // empty for a sender
	Previous            time.Time   `json:"previous"` // when the old certificate expires
	NotAfter            time.Time   `json:"not_after"`
	PreviousNotBefore   time.Time   `json:"previous_not_before,omitzero"`
	PreviousIssuer      string      `json:"previous_issuer,omitempty"`
	PreviousFingerprint string      `json:"previous_fingerprint,omitempty"`
	PreviousLastSeen    time.Time   `json:"previous_last_seen,omitzero"`
	Fingerprint         string      `json:"fingerprint,omitempty"`
}

func saveRenewals(all []check.Renewal) (saved []savedRenewal) {
	for _, r := range all {
		saved = append(saved, savedRenewal{
			At: r.At, Endpoint: EndpointKey{r.Host, r.Address}, Previous: r.Old.NotAfter, NotAfter: r.New.NotAfter,
			PreviousNotBefore: r.Old.NotBefore, PreviousIssuer: r.Old.Issuer, PreviousFingerprint: r.Old.Fingerprint,
			PreviousLastSeen: r.OldLastSeen, Fingerprint: r.New.Fingerprint,
		})
	}
	return saved
}

func restoreRenewals(saved []savedRenewal) (all []check.Renewal) {
	for _, r := range saved {
		all = append(all, check.Renewal{
			Host: r.Endpoint.Host, Address: r.Endpoint.Address, At: r.At, OldLastSeen: r.PreviousLastSeen,
			Old: check.Leaf{
				Fingerprint: r.PreviousFingerprint, Issuer: r.PreviousIssuer, NotBefore: r.PreviousNotBefore, NotAfter: r.Previous,
			},
			New: check.Leaf{Fingerprint: r.Fingerprint, NotAfter: r.NotAfter},
		})
	}
	return all
}

func validRenewals(saved []savedRenewal, past func(time.Time) bool) (valid []savedRenewal) {
	for _, r := range saved {
		lastSeen := r.PreviousLastSeen.IsZero() || past(r.PreviousLastSeen)
		if past(r.At) && lastSeen && !r.Previous.IsZero() && !r.NotAfter.IsZero() {
			valid = append(valid, r)
		}
	}
	return valid
}
