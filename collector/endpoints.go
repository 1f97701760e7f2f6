package collector

import (
	"cmp"
	"slices"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// recordEndpoints updates what is known of each endpoint with the results of a round, and forgets the endpoints that
// DNS no longer returns.
func (s *PathState) recordEndpoints(r *probes.Result) {
	var kept []check.Endpoint // a new slice: a Snapshot may still hold the old one
	dns := answersOf(r)
	for _, known := range s.Endpoints {
		if !dns.gone(EndpointKey{known.Host, known.Address}) {
			kept = append(kept, known)
		}
	}
	unknown := 0 // endpoints of the round of which nothing is known
	for _, e := range r.Endpoints {
		key := KeyOf(e)
		at, known := slices.BinarySearchFunc(kept, key, compareEndpoint)
		verdict, certificate := conclusive(r, e), showedCertificate(e)
		if !known {
			if verdict == probes.NotReached && !certificate {
				unknown++
				continue
			}
			kept = slices.Insert(kept, at, check.Endpoint{Host: key.Host, Address: key.Address})
		}
		if verdict != probes.NotReached {
			kept[at].Verdict = verdict
		}
		if certificate {
			s.recordRenewal(key, kept[at].TLS, e.TLS, r.Started)
			kept[at].TLS, kept[at].CertificateSeen = e.TLS, r.Started
		}
		if !r.Provisional {
			kept[at].DANE = daneAfter(kept[at].DANE, e)
		}
		kept[at].LastProbed = r.Started
	}
	s.Endpoints = limitEndpoints(kept, probes.MaxEndpoints-unknown)
}

// daneAfter returns what is known of an endpoint's TLSA records after a round that observed e: the last comparison,
// while the records cannot be looked up or the server cannot be reached, but nothing once they do not matter any more.
func daneAfter(known *probes.DANE, e probes.Endpoint) *probes.DANE {
	tls := e.Steps[probes.TLSStage].Outcome
	switch {
	case e.DANE != nil && e.DANE.Status != probes.DANEUnknown:
		return e.DANE
	case e.DANE == nil && (tls == probes.Passed || tls == probes.Failed):
		return nil
	}
	return known
}

// conclusive returns the verdict on an endpoint of a round, or NotReached if the round changes none.
func conclusive(r *probes.Result, e probes.Endpoint) probes.Outcome {
	if outcome := e.Outcome(r.Until); !r.Provisional && (outcome == probes.Passed || outcome == probes.Failed) {
		return outcome
	}
	return probes.NotReached
}

// showedCertificate reports whether a handshake showed a certificate, whatever happened in the session afterwards.
func showedCertificate(e probes.Endpoint) bool {
	return e.TLS != nil && (len(e.TLS.Chain) > 0 || e.TLS.Unparsable != "")
}

// limitEndpoints keeps at most limit endpoints. It forgets those that were not probed for the longest time: a DNS
// server that adds a host in each round and breaks the earlier ones would let them grow without end.
func limitEndpoints(all []check.Endpoint, limit int) []check.Endpoint {
	for len(all) > max(limit, 0) {
		oldest := 0
		for i := range all {
			if all[i].LastProbed.Before(all[oldest].LastProbed) {
				oldest = i
			}
		}
		all = slices.Delete(all, oldest, oldest+1)
	}
	return all
}

func compareEndpoint(e check.Endpoint, key EndpointKey) int {
	return cmp.Or(cmp.Compare(e.Host, key.Host), cmp.Compare(e.Address, key.Address))
}

// recordConclusive replaces in Conclusive the endpoints on which the round is conclusive, and removes those that are no
// longer known.
func (s *PathState) recordConclusive(r *probes.Result) {
	var observed []probes.Endpoint
	for _, e := range r.Endpoints {
		if conclusive(r, e) != probes.NotReached {
			observed = append(observed, e)
		}
	}
	n := len(observed)
	switch {
	case n > 0 && n == len(r.Endpoints) && n == len(s.Endpoints):
		s.Conclusive = r
		return
	case s.Conclusive == nil && n == 0:
		return
	}
	next := *r
	if n == 0 {
		next = *s.Conclusive
	}
	if s.Conclusive != nil {
		observed = append(slices.Clone(s.Conclusive.Endpoints), observed...)
	}
	next.Endpoints = nil
	for _, known := range s.Endpoints {
		for _, e := range slices.Backward(observed) { // the latest observation comes last
			if KeyOf(e) == (EndpointKey{known.Host, known.Address}) {
				next.Endpoints = append(next.Endpoints, e)
				break
			}
		}
	}
	if len(next.Endpoints) > 0 { // else the last verdict holds, with its reason
		s.Conclusive = &next
	}
}

// answers is what a round learned from DNS.
type answers struct {
	resolved map[string]bool // hosts looked up, and whether they have addresses
	listed   map[EndpointKey]bool
	any      bool // one host resolved, so the list of hosts itself is known
}

func answersOf(r *probes.Result) answers {
	a := answers{resolved: map[string]bool{}, listed: map[EndpointKey]bool{}}
	if r.Interrupted() {
		return answers{} // what is missing may just not have been reached
	}
	for _, e := range r.Endpoints {
		ok := e.Steps[probes.Resolve].Outcome == probes.Passed
		a.resolved[e.Host] = a.resolved[e.Host] || ok
		a.listed[KeyOf(e)] = true
		a.any = a.any || ok
	}
	return a
}

// gone reports whether DNS no longer returns the endpoint: its host resolved to other addresses, or is no longer among
// the hosts.
func (a answers) gone(key EndpointKey) bool {
	if a.listed[key] {
		return false
	}
	resolved, lookedUp := a.resolved[key.Host]
	return resolved || !lookedUp && a.any
}
