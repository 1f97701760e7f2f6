package crl

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"
)

const (
	maxAge     = 24 * time.Hour   // after which a list is fetched again, even if it is valid for longer
	retryAfter = 10 * time.Minute // after which a failed fetch is repeated
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

// listKey identifies a list. The issuer is part of it, because certificates of other issuers may name the same address.
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

// newCachedCRL returns a list that is cached until its nextUpdate, but for at least retryAfter and at most maxAge.
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

// store caches the result of a fetch and returns what is cached now: if the fetch failed, that is the old list as long
// as it is still valid.
func (c *crlCache) store(key listKey, fresh *cachedCRL) *cachedCRL {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.lists[key]; old != nil {
		if fresh.list == nil && old.list != nil && c.now().Before(old.list.until) {
			fresh = &cachedCRL{list: old.list, next: fresh.next}
		}
		c.remove(key, old)
	}
	for k, cached := range c.lists { // in any order: a list is fetched again when it is needed
		if len(c.lists) < c.maxLists && c.entries+fresh.size() <= c.maxEntries {
			break
		}
		c.remove(k, cached)
	}
	c.lists[key] = fresh
	c.entries += fresh.size()
	return fresh
}

// remove drops a list. The lock is held.
func (c *crlCache) remove(key listKey, cached *cachedCRL) {
	delete(c.lists, key)
	c.entries -= cached.size()
}
