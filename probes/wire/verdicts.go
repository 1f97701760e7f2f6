package wire

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// What is remembered of signatures, and for how long at most: what else they rest on, such as a root that is not valid yet, may change.
const (
	maxVerdicts = 8192 // and as many from before them
	verdictFor  = time.Hour
)

// verdictCache spares the signatures of a chain: hundreds of paths may end at one host, and a host shows the same chain for weeks.
// A verdict holds until something in the chain begins or ends. The cache belongs to one pool of roots.
type verdictCache struct {
	mu     sync.Mutex
	young  map[chainKey]*signatures
	before map[chainKey]*signatures // the generation before: what is asked for again moves to the young
}

// chainKey is the SHA-256 of a chain as it was sent.
type chainKey [sha256.Size]byte

func newVerdictCache() *verdictCache { return &verdictCache{young: map[chainKey]*signatures{}} }

// judge is judge, with the signatures as they are known.
func (v *verdictCache) judge(now time.Time, chain []*x509.Certificate, host, tlsDomain string, roots *x509.CertPool) judged {
	key := keyOfChain(chain)
	s := v.look(key, now)
	if s == nil {
		s = judgeSignatures(now, chain, roots)
		v.keep(key, s)
	}
	return judgeWith(now, chain, host, tlsDomain, s)
}

func keyOfChain(chain []*x509.Certificate) (key chainKey) {
	h := sha256.New()
	for _, c := range chain {
		h.Write(c.Raw)
	}
	h.Sum(key[:0])
	return key
}

// look finds what holds now; nil: nothing.
func (v *verdictCache) look(key chainKey, now time.Time) *signatures {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.young[key]
	if s == nil {
		s = v.before[key]
	}
	if s == nil || now.Before(s.from) || !now.Before(s.to) {
		return nil
	}
	v.add(key, s)
	return s
}

func (v *verdictCache) keep(key chainKey, s *signatures) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.add(key, s)
}

// add forgets the generation before where the young one is full. The lock is held.
func (v *verdictCache) add(key chainKey, s *signatures) {
	if v.young[key] == nil && len(v.young) >= maxVerdicts {
		v.before, v.young = v.young, map[chainKey]*signatures{}
	}
	v.young[key] = s
}

// signatures is what those of a chain prove, for as long as no certificate of it begins or ends.
type signatures struct {
	from, to                      time.Time // exclusive
	whole, trust                  probes.Judgement
	chainNotBefore, chainNotAfter time.Time // as in probes.TLS
	// issuers are the way from above the leaf to a trusted root; none where there is no way. They are few in the world, and
	// crypto/tls does not parse again what somebody holds.
	issuers []*x509.Certificate
}

// holds narrows how long s holds to where no certificate begins or ends.
func (s *signatures) holds(now time.Time, certs []*x509.Certificate) {
	for _, c := range certs {
		for _, turn := range [...]time.Time{c.NotBefore, c.NotAfter.Add(1)} { // a certificate is valid until the end of NotAfter
			switch {
			case !turn.After(now) && turn.After(s.from):
				s.from = turn
			case turn.After(now) && turn.Before(s.to):
				s.to = turn
			}
		}
	}
}
