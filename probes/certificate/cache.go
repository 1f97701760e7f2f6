package certificate

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"
)

// generationSize bounds the verifications that one generation of the cache holds.
const generationSize = 8192

// cache remembers verifications in two generations. When the current one is full, it replaces the previous one;
// verifications that are still used move to the current one. The cache saves a fifth of a probe's CPU time. The zero
// value is an empty cache. It is safe for concurrent use.
type cache struct {
	mu       sync.Mutex
	current  map[chainKey]*verification
	previous map[chainKey]*verification
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
	c.add(key, v)
}

// add adds to the current generation. The lock is held.
func (c *cache) add(key chainKey, v *verification) {
	if c.current == nil || c.current[key] == nil && len(c.current) >= generationSize {
		c.previous, c.current = c.current, map[chainKey]*verification{}
	}
	c.current[key] = v
}
