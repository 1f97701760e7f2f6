package collector

import (
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

// shownLeaf is the certificate that an endpoint showed, or a sender presented, before a restart. It is kept until one
// is seen again, so that a renewal during the restart is noticed.
type shownLeaf struct {
	Endpoint    EndpointKey `json:"endpoint"` // empty for a sender
	Fingerprint string      `json:"fingerprint"`
	Issuer      string      `json:"issuer"`
	NotBefore   time.Time   `json:"not_before"`
	NotAfter    time.Time   `json:"not_after"`
}

// The limits of the leaves in a file: of a path, and of all together. With very many paths none is saved.
const (
	maxShownLeaves = probes.MaxEndpoints + 1
	maxSavedLeaves = 40_000
	maxShownName   = 256 // bytes of an issuer or a fingerprint
)

// leafBefore returns the leaf that was shown until now: that of the previous handshake, or that before the restart. It
// is the zero Leaf if none is known.
func (s *PathState) leafBefore(endpoint EndpointKey, previous *probes.TLS) check.Leaf {
	if previous != nil && len(previous.Chain) > 0 {
		return check.LeafOf(previous.Chain[0])
	}
	for _, l := range s.shownBefore {
		if l.Endpoint == endpoint {
			return l.leaf()
		}
	}
	return check.Leaf{}
}

func (l shownLeaf) leaf() check.Leaf {
	return check.Leaf{Fingerprint: l.Fingerprint, Issuer: l.Issuer, NotBefore: l.NotBefore, NotAfter: l.NotAfter}
}

// forgetLeafBefore is called once an endpoint has shown a certificate after the restart.
func (s *PathState) forgetLeafBefore(endpoint EndpointKey) {
	if len(s.shownBefore) > 0 {
		s.shownBefore = slices.DeleteFunc(slices.Clone(s.shownBefore), func(l shownLeaf) bool {
			return l.Endpoint == endpoint
		})
	}
}

// shownLeaves returns the leaves of a path to be saved, at most limit. Exchange Online's hosts, of which each round
// probes another address, are left out: Microsoft renews their certificates.
func shownLeaves(s *PathState, report *evaluate.Report, limit int) (all []shownLeaf) {
	add := func(endpoint EndpointKey, t *probes.TLS) {
		if t != nil && len(t.Chain) > 0 && len(all) < limit {
			l := check.LeafOf(t.Chain[0])
			all = append(all, shownLeaf{endpoint, l.Fingerprint, l.Issuer, l.NotBefore, l.NotAfter})
		}
	}
	for i := range s.Endpoints {
		if e := &s.Endpoints[i]; e.Address != "" {
			add(EndpointKey{e.Host, e.Address}, e.TLS)
		}
	}
	if report != nil {
		add(EndpointKey{}, report.Clients[s.Path.ID])
	}
	for _, l := range s.shownBefore {
		seen := slices.ContainsFunc(all, func(known shownLeaf) bool { return known.Endpoint == l.Endpoint })
		if !seen && len(all) < limit {
			all = append(all, l)
		}
	}
	return all
}

func validLeaves(saved []shownLeaf) (valid []shownLeaf) {
	for _, l := range saved {
		if !l.NotBefore.IsZero() && !l.NotAfter.IsZero() && l.Fingerprint != "" && len(l.Fingerprint) <= maxShownName &&
			len(l.Issuer) <= maxShownName {
			valid = append(valid, l)
		}
	}
	return last(valid, maxShownLeaves)
}
