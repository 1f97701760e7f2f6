package wire

import (
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// clientCertificate is the certificate that this path presents: the sender's, where the configuration says so, and only to hosts
// of Exchange Online. Anybody else could use what a key signs.
func (c *climb) clientCertificate() *tls.Certificate {
	if !c.path.UseClientCertificate || !c.ep.HideAddress || c.w.opts.ClientCertificate == nil {
		return nil
	}
	return c.w.opts.ClientCertificate(c.path.ID)
}

//go:embed roots/digicert-global-root-g2.pem
var globalRootG2 []byte

// microsoftRoots is DigiCert Global Root G2 alone, to which Exchange Online's certificates move (MC1224565).
var microsoftRoots = sync.OnceValue(func() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(globalRootG2)
	return pool
})

// HasGlobalRootG2 tells whether a pool has DigiCert Global Root G2.
func HasGlobalRootG2(pool *x509.CertPool, now time.Time) bool {
	block, _ := pem.Decode(globalRootG2)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil || pool == nil {
		return false
	}
	_, err = root.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

// judgeMicrosoftRoot asks whether Exchange Online's chain ends at DigiCert Global Root G2.
func judgeMicrosoftRoot(now time.Time, chain []*x509.Certificate) probes.Judgement {
	if len(chain) == 0 {
		return probes.Judgement{}
	}
	if _, _, err := verifyInside(now, chain, microsoftRoots()); err != nil {
		return probes.Judgement{Outcome: probes.Failed, Detail: probes.Sanitise(err.Error(), maxDetail)}
	}
	return probes.Judgement{Outcome: probes.Passed, Detail: "verifies with DigiCert Global Root G2 alone"}
}

// JudgeClient records and judges the certificate that a sender presents: the chain as it would be sent, leaf first, in DER. There
// is no host to compare its names with, so that the name stays unjudged; so does what rests on accepted domains.
func JudgeClient(now time.Time, raw [][]byte, roots *x509.CertPool) *probes.TLS {
	var chain []*x509.Certificate
	for _, der := range raw[:min(len(raw), probes.MaxChain)] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return &probes.TLS{Unparsable: probes.Sanitise(err.Error(), maxDetail)}
		}
		chain = append(chain, c)
	}
	t := judge(now, chain, "", "", roots)
	t.Verdicts[probes.VerdictName] = probes.Judgement{}
	if len(t.Chain) > 0 {
		t.Verdicts[probes.VerdictClientAuth] = JudgeClientAuth(t.Chain[0])
	}
	return &t.TLS
}

// JudgeClientAuth looks for the extended key usage that CAs have stopped to issue (facts, 5.5).
func JudgeClientAuth(leaf *probes.Certificate) probes.Judgement {
	if leaf.ClientAuth {
		return probes.Judgement{Outcome: probes.Passed}
	}
	return probes.Judgement{
		Outcome: probes.Failed, Detail: "the certificate has no extended key usage clientAuth",
		Uncertain: "Microsoft has not documented whether Exchange Online asks for it",
	}
}
