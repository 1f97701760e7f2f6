package certificate

import (
	"cmp"
	"crypto/x509"
	_ "embed" // for the root
	"encoding/pem"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

//go:embed roots/digicert-global-root-g2.pem
var globalRootG2 []byte

// microsoftRoots contains only DigiCert Global Root G2, which Exchange Online's certificates move to (MC1224565).
var microsoftRoots = sync.OnceValue(func() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(globalRootG2)
	return pool
})

var microsoftVerifier = sync.OnceValue(func() *Verifier { return NewVerifier(microsoftRoots()) })

// HasGlobalRootG2 reports whether a pool contains DigiCert Global Root G2.
func HasGlobalRootG2(pool *x509.CertPool, now time.Time) bool {
	block, _ := pem.Decode(globalRootG2)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil || pool == nil {
		return false
	}
	_, err = root.Verify(x509.VerifyOptions{
		Roots: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err == nil
}

// MicrosoftRoot evaluates whether a chain that Exchange Online sent ends at DigiCert Global Root G2.
func MicrosoftRoot(now time.Time, chain []*x509.Certificate) probes.Judgement {
	if len(chain) == 0 {
		return probes.Judgement{}
	}
	if v := microsoftVerifier().verify(now, chain); v.trust.Outcome != probes.Passed {
		return probes.Judgement{Outcome: probes.Failed, Detail: cmp.Or(v.trust.Detail, v.chain.Detail)}
	}
	return probes.Judgement{Outcome: probes.Passed, Detail: "verifies with DigiCert Global Root G2 alone"}
}
