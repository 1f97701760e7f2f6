package crl

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"
)

const (
	maxAge     = 24 * time.Hour   // a list is fetched again after it, however long it is in date
	retryAfter = 10 * time.Minute // after a failed fetch
	maxLists   = 1000
	maxEntries = 600_000 // revoked certificates of all lists; one list of maxListBytes has fewer
)

// crlCache holds lists by issuer and address. It is safe for concurrent use.
type crlCache struct {
	now func() time.Time

	mu                   sync.Mutex
	lists                map[listKey]*cachedCRL
	entries              int
	maxLists, maxEntries int
}

// listKey is a list as one issuer signs it: certificates of another issuer may name the same address.
type listKey struct {
	address string
	issuer  [sha256.Size]byte
}

func newListKey(address string, issuer *x509.Certificate) listKey {
	return listKey{address, sha256.Sum256(issuer.Raw)}
}

// cachedCRL is a list, or why there is none.
type cachedCRL struct {
	list *revocationList
	err  error
	next time.Time // when it is fetched again
}

// newCachedCRL caches a list until it ends, for at least retryAfter and at most maxAge.
func newCachedCRL(list *revocationList, now time.Time) *cachedCRL {
	next := now.Add(maxAge)
	if list.until.Before(next) {
		next = list.until
	}
	if earliest := now.Add(retryAfter); next.Before(earliest) {
		next = earliest
	}
	return &cachedCRL{list: list, next: next}
}

func (c *cachedCRL) size() int {
	if c.list == nil {
		return 0
	}
	return len(c.list.revoked)
}

func newCRLCache(now func() time.Time) *crlCache {
	return &crlCache{now: now, lists: map[listKey]*cachedCRL{}, maxLists: maxLists, maxEntries: maxEntries}
}

// get returns what is cached, nil if the list must be fetched.
func (c *crlCache) get(key listKey) *cachedCRL {
	c.mu.Lock()
	defer c.mu.Unlock()
	cached, now := c.lists[key], c.now()
	if cached == nil || now.After(cached.next) || cached.list != nil && now.After(cached.list.until.Add(retryAfter)) {
		return nil
	}
	return cached
}

// store caches the outcome of a fetch and returns what is cached now: a list that is still in date outlives a failure
// to fetch it again.
func (c *crlCache) store(key listKey, fresh *cachedCRL) *cachedCRL {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.lists[key]; old != nil {
		if fresh.list == nil && old.list != nil && c.now().Before(old.list.until) {
			fresh = &cachedCRL{list: old.list, next: fresh.next}
		}
		c.remove(key, old)
	}
	for k, cached := range c.lists { // any of them: it is fetched again when it is needed
		if len(c.lists) < c.maxLists && c.entries+fresh.size() <= c.maxEntries {
			break
		}
		c.remove(k, cached)
	}
	c.lists[key] = fresh
	c.entries += fresh.size()
	return fresh
}

// remove expects the lock to be held.
func (c *crlCache) remove(key listKey, cached *cachedCRL) {
	delete(c.lists, key)
	c.entries -= cached.size()
}
