package wire

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"
)

// maxVerdicts bounds the verdict cache.
const maxVerdicts = 1024

// verdictCache spares the signatures of a chain that was judged within this minute: hundreds of paths may end at one host. It
// belongs to one pool of roots.
type verdictCache struct {
	ways bool // the way to a trusted root is asked for, too: it holds whole certificates

	mu     sync.Mutex
	minute int64
	seen   map[verdictKey]judged
}

type verdictKey struct {
	chain      [sha256.Size]byte
	host, name string
}

func newVerdictCache(ways bool) *verdictCache {
	return &verdictCache{ways: ways, seen: map[verdictKey]judged{}}
}

func (v *verdictCache) judge(now time.Time, chain []*x509.Certificate, host, tlsDomain string, roots *x509.CertPool) judged {
	h := sha256.New()
	for _, c := range chain {
		h.Write(c.Raw)
	}
	key := verdictKey{host: host, name: tlsDomain}
	h.Sum(key.chain[:0])
	minute := now.Unix() / 60
	if j, ok := v.look(minute, key); ok {
		return j
	}
	j := judge(now, chain, host, tlsDomain, roots)
	if !v.ways {
		j.verified = nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.minute == minute && len(v.seen) < maxVerdicts {
		v.seen[key] = j
	}
	return j
}

// look finds this minute's verdict and forgets the last minute's.
func (v *verdictCache) look(minute int64, key verdictKey) (judged, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.minute != minute {
		v.minute = minute
		clear(v.seen)
	}
	j, ok := v.seen[key]
	return j, ok
}
