package certificate

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

const (
	generationSize = 8192 // verifications of one generation at most
	maxIssuers     = 1024 // records of issuers at most
)

// cache remembers verifications in two generations. When the current one is full, it replaces the previous one;
// verifications that are still used move to the current one. The cache saves a fifth of a probe's CPU time. The zero
// value is an empty cache. It is safe for concurrent use.
type cache struct {
	mu       sync.Mutex
	current  map[chainKey]*verification
	previous map[chainKey]*verification
	issuers  map[string]*probes.Certificate // by fingerprint
}

// chainKey is the SHA-256 of a chain as it was sent.
type chainKey [sha256.Size]byte

func keyOf(chain []*x509.Certificate) (key chainKey) {
	h := sha256.New()
	for _, c := range chain {
		h.Write(c.Raw)
	}
	h.Sum(key[:0])
	return key
}

// get returns the verification of a chain that is valid at now, nil if there is none.
func (c *cache) get(key chainKey, now time.Time) *verification {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.current[key]
	if v == nil {
		v = c.previous[key]
	}
	if v == nil || now.Before(v.from) || !now.Before(v.to) {
		return nil
	}
	c.add(key, v)
	return v
}

func (c *cache) put(key chainKey, v *verification) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shareIssuers(v.certificates)
	c.add(key, v)
}

// shareIssuers replaces the records of certificates above the leaf by those of earlier chains: an issuer is recorded
// once, however many leaves it has signed.
func (c *cache) shareIssuers(chain []*probes.Certificate) {
	for i := 1; i < len(chain); i++ {
		known := c.issuers[chain[i].Fingerprint]
		if known != nil && known.SelfSigned == chain[i].SelfSigned {
			chain[i] = known
			continue
		}
		if c.issuers == nil || len(c.issuers) == maxIssuers {
			c.issuers = map[string]*probes.Certificate{}
		}
		c.issuers[chain[i].Fingerprint] = chain[i]
	}
}

// add adds to the current generation. The lock is held.
func (c *cache) add(key chainKey, v *verification) {
	if c.current == nil || c.current[key] == nil && len(c.current) >= generationSize {
		c.previous, c.current = c.current, map[chainKey]*verification{}
	}
	c.current[key] = v
}
