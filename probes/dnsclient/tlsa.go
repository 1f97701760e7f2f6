package dnsclient

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dane"
)

const (
	maxTLSATime   = 6 * time.Second // for all queries of one look-up
	maxTLSA       = 100             // records of a host that are kept
	maxTLSAData   = 16 << 10        // bytes of the records of a host that contain whole certificates
	minTLSATTL    = 45 * time.Minute
	maxTLSATTL    = time.Hour
	failedTLSATTL = 10 * time.Minute // of look-ups that failed
	maxCachedTLSA = 1000             // hosts
)

// TLSA is the result of a look-up of TLSA records.
type TLSA struct {
	// Security is Secure if the records, or their absence, are proved, and Unknown if the look-up failed.
	Security Security
	Records  []dane.Record // at most 100, of which whole certificates at most 16 KiB together
	Total    int           // number of records that the host has
	Failure  string        // why the look-up failed
	Cached   bool          // the result of an earlier look-up
}

// TLSA looks up the TLSA records of a host and TCP port (RFC 7672, section 3). Results are cached for the TTL of the
// records, but for at least 45 minutes, so that rounds of half an hour query at most every other time, and for at most
// an hour. A failure is cached for ten minutes. With fresh set the cache is not read.
func (c *Client) TLSA(ctx context.Context, host string, port uint16, o Options, fresh bool) TLSA {
	s, servers, err := c.session(o)
	if err != nil {
		return TLSA{Failure: err.Error()}
	}
	name := dane.Owner(host, port)
	key := servers + " " + name
	if cached, ok := c.tlsa.get(key); ok && !fresh {
		cached.Cached = true
		return cached
	}
	ctx, cancel := context.WithTimeout(ctx, maxTLSATime)
	defer cancel()
	rrs, security, fail := s.records(ctx, name, dns.TypeTLSA)
	found, ttl := TLSA{Security: security}, minTLSATTL
	switch fail.reason {
	case "":
		found.Records, found.Total = tlsaRecords(rrs), len(rrs)
		ttl = min(max(time.Duration(rrs[0].Header().Ttl)*time.Second, minTLSATTL), maxTLSATTL)
	case probes.ReasonNoAddress, probes.ReasonNXDomain:
	default:
		if fail.unchecked && s.resolverResponds(ctx, c.health.canariesOutside(servers, []string{registeredDomain(host)})) {
			found.Security = Bogus
			fail.detail += uncheckedDetail
		}
		ttl = failedTLSATTL
		found.Failure = probes.Sanitise(fmt.Sprintf("%s: %s", fail.reason, fail.detail), probes.MaxDetail)
	}
	if ctx.Err() == nil {
		c.tlsa.put(key, found, ttl)
	}
	return found
}

// tlsaRecords returns the records that are kept, within maxTLSA and maxTLSAData.
func tlsaRecords(rrs []dns.RR) []dane.Record {
	var records []dane.Record
	size := 0
	for _, rr := range rrs {
		tlsa, ok := rr.(*dns.TLSA)
		if !ok || len(records) == maxTLSA {
			continue
		}
		data, err := hex.DecodeString(tlsa.Certificate)
		switch exact := tlsa.MatchingType == 0; {
		case err != nil, exact && size+len(data) > maxTLSAData:
			continue
		case exact:
			size += len(data)
		case len(data) > sha512.Size:
			data = nil // not a digest: the record is unusable
		}
		records = append(records, dane.Record{
			Usage: tlsa.Usage, Selector: tlsa.Selector, MatchingType: tlsa.MatchingType, Data: data,
		})
	}
	return records
}

// tlsaCache holds TLSA records by servers and name. It is safe for concurrent use.
type tlsaCache struct {
	mu      sync.Mutex
	entries map[string]cachedTLSA
	now     func() time.Time
}

type cachedTLSA struct {
	TLSA

	until time.Time
}

func newTLSACache() *tlsaCache { return &tlsaCache{entries: map[string]cachedTLSA{}, now: time.Now} }

func (c *tlsaCache) get(key string) (TLSA, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	return e.TLSA, ok && c.now().Before(e.until)
}

// put caches a result. If the cache is full, it first drops what has expired, or everything if nothing has.
func (c *tlsaCache) put(key string, t TLSA, ttl time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if len(c.entries) >= maxCachedTLSA {
		for other, e := range c.entries {
			if !now.Before(e.until) {
				delete(c.entries, other)
			}
		}
		if len(c.entries) >= maxCachedTLSA {
			clear(c.entries)
		}
	}
	c.entries[key] = cachedTLSA{t, now.Add(ttl)}
}
