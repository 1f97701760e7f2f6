package wire

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// stageOutcome decides the tls stage by what the connector's tls_settings demand.
func stageOutcome(c *climb, t *probes.TLS) probes.Step {
	settings := c.path.TLSSettings
	if t.OldVersion && settings.DemandsTLS() {
		return c.fail(probes.ReasonTLSVersion, "the server chose "+t.Version)
	}
	var asked []probes.Verdict
	if settings.DemandsTrust() {
		asked = []probes.Verdict{probes.VerdictTime, probes.VerdictChain, probes.VerdictTrust, probes.VerdictRevocation}
	}
	if settings == mailflow.DomainValidation {
		asked = append(asked, probes.VerdictName)
	}
	step := passed(t.Version)
	for _, v := range asked {
		j := t.Verdicts[v]
		if j.Outcome == probes.Failed {
			bad := c.fail(j.Reason, j.Detail)
			bad.Uncertain = j.Uncertain
			return bad
		}
		if j.Uncertain != "" {
			step.Uncertain = j.Uncertain
		}
	}
	return step
}

// maxVerdicts bounds the verdict cache.
const maxVerdicts = 4096

// verdictCache spares the signatures of a chain that was judged within this minute: hundreds of paths may end at one host.
type verdictCache struct {
	mu   sync.Mutex
	seen map[verdictKey]probes.TLS
}

type verdictKey struct {
	chain      [sha256.Size]byte
	host, name string
	minute     int64
}

func newVerdictCache() *verdictCache { return &verdictCache{seen: map[verdictKey]probes.TLS{}} }

func (v *verdictCache) judge(now time.Time, chain []*x509.Certificate, host, tlsDomain string, roots *x509.CertPool) probes.TLS {
	h := sha256.New()
	for _, c := range chain {
		h.Write(c.Raw)
	}
	key := verdictKey{host: host, name: tlsDomain, minute: now.Unix() / 60}
	h.Sum(key.chain[:0])
	v.mu.Lock()
	t, ok := v.seen[key]
	v.mu.Unlock()
	if ok {
		return t
	}
	t = judge(now, chain, host, tlsDomain, roots)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.seen) >= maxVerdicts {
		clear(v.seen)
	}
	v.seen[key] = t
	return t
}
