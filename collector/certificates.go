package collector

import (
	"reflect"
	"slices"
	"sync"

	"m365_connector_exporter/probes"
)

// maxShared bounds the certificates that are remembered to be shared.
const maxShared = 2048

// certificates lets endpoints share the facts of one certificate: an intermediate stands behind thousands of servers, and one
// server behind many paths. Without it the chains are half of what a board holds.
type certificates struct {
	mu    sync.Mutex
	known map[string]probes.Certificate // by fingerprint
}

// share returns the round with the certificates that are known already, and without their DER: a board is read for facts. The
// round that came in belongs to others too and stays as it is.
func (c *certificates) share(r probes.Result) probes.Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Endpoints = slices.Clone(r.Endpoints)
	for i := range r.Endpoints {
		if t := r.Endpoints[i].TLS; t != nil {
			own := *t
			own.Chain = slices.Clone(t.Chain)
			for n := range own.Chain {
				own.Chain[n] = c.one(own.Chain[n])
			}
			r.Endpoints[i].TLS = &own
		}
	}
	return r
}

func (c *certificates) one(cert probes.Certificate) probes.Certificate {
	cert.Raw = nil
	if known, ok := c.known[cert.Fingerprint]; ok && reflect.DeepEqual(known, cert) {
		return known
	}
	if c.known == nil {
		c.known = map[string]probes.Certificate{}
	}
	for old := range c.known {
		if len(c.known) < maxShared {
			break
		}
		delete(c.known, old)
	}
	c.known[cert.Fingerprint] = cert
	return cert
}
