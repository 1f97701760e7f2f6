package certificate

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
)

func TestKeyAndSignatureHaveNoReason(t *testing.T) {
	rsaKey := func(bits uint) any { return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537} }
	ec := certtest.Issue(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: "x"}}).Cert
	root := func(a x509.SignatureAlgorithm) *x509.Certificate {
		return &x509.Certificate{RawSubject: []byte("r"), RawIssuer: []byte("r"), SignatureAlgorithm: a}
	}
	leaf := func(a x509.SignatureAlgorithm) *x509.Certificate {
		return &x509.Certificate{RawSubject: []byte("l"), RawIssuer: []byte("r"), SignatureAlgorithm: a}
	}
	for name, tt := range map[string]struct {
		got  probes.Judgement
		want probes.Outcome
	}{
		"RSA 1024":  {evaluateKey(&x509.Certificate{PublicKey: rsaKey(1024)}), probes.Failed},
		"RSA 2047":  {evaluateKey(&x509.Certificate{PublicKey: rsaKey(2047)}), probes.Failed},
		"RSA 2048":  {evaluateKey(&x509.Certificate{PublicKey: rsaKey(2048)}), probes.Passed},
		"ECDSA 256": {evaluateKey(ec), probes.Passed},
		"SHA-256": {
			evaluateSignature([]*x509.Certificate{leaf(x509.SHA256WithRSA), root(x509.SHA256WithRSA)}),
			probes.Passed,
		},
		"SHA-1 leaf": {evaluateSignature([]*x509.Certificate{leaf(x509.SHA1WithRSA)}), probes.Failed},
		"MD5 intermediate": {
			evaluateSignature([]*x509.Certificate{leaf(x509.SHA256WithRSA), leaf(x509.MD5WithRSA)}),
			probes.Failed,
		},
		"SHA-1 of a root": {
			evaluateSignature([]*x509.Certificate{leaf(x509.SHA256WithRSA), root(x509.SHA1WithRSA)}),
			probes.Passed,
		},
		"SHA-1, self-signed":    {evaluateSignature([]*x509.Certificate{root(x509.SHA1WithRSA)}), probes.Failed},
		"ECDSA with SHA-1 leaf": {evaluateSignature([]*x509.Certificate{leaf(x509.ECDSAWithSHA1)}), probes.Failed},
	} {
		if tt.got.Outcome != tt.want || tt.got.Reason != "" {
			t.Errorf("%s: %+v", name, tt.got)
		}
	}
}

// SHA-1 counts in the answer on signatures, not in the answer on trust: that crypto/x509 refuses it is not a
// documented rule of Exchange Online.
func TestTrustAcceptsSHA1(t *testing.T) {
	p := certtest.New(t)
	sha1 := x509.Certificate{Subject: pkix.Name{CommonName: "old"}, SignatureAlgorithm: x509.ECDSAWithSHA1}
	oldLeaf := certtest.Issue(t, p.Inter, sha1).Cert
	sha1.IsCA, sha1.KeyUsage = true, x509.KeyUsageCertSign
	oldInter := certtest.Issue(t, p.Root, sha1)
	newLeaf := certtest.Issue(t, oldInter, x509.Certificate{}).Cert
	forged := *oldLeaf
	forged.Signature = newLeaf.Signature
	unchecked := *newLeaf
	unchecked.SignatureAlgorithm = x509.MD5WithRSA
	none := x509.NewCertPool()
	sha1.NotBefore, sha1.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	endedInter := certtest.Issue(t, p.Root, sha1)
	endedLeaf := certtest.Issue(t, endedInter, x509.Certificate{SignatureAlgorithm: x509.ECDSAWithSHA1}).Cert
	for _, tt := range []struct {
		name      string
		chain     []*x509.Certificate
		roots     *x509.CertPool
		trust     probes.Outcome
		uncertain bool
	}{
		{"leaf by SHA-1", []*x509.Certificate{oldLeaf, p.Inter.Cert}, p.Roots, probes.Passed, true},
		{"leaf by SHA-1, unknown root", []*x509.Certificate{oldLeaf, p.Inter.Cert}, none, probes.Failed, false},
		{
			"leaf by SHA-1, signed by another key",
			[]*x509.Certificate{&forged, p.Inter.Cert},
			p.Roots, probes.NotReached,
			false,
		},
		{
			"leaf by MD5, intermediate by SHA-1",
			[]*x509.Certificate{&unchecked, oldInter.Cert, p.Root.Cert},
			p.Roots,
			probes.Failed, false,
		},
		{"leaf by SHA-1, issuer not sent", []*x509.Certificate{oldLeaf}, p.Roots, probes.NotReached, false},
		{"intermediate by SHA-1, root not sent", []*x509.Certificate{newLeaf, oldInter.Cert}, p.Roots, probes.Failed, false},
		{"intermediate by SHA-1", []*x509.Certificate{newLeaf, oldInter.Cert, p.Root.Cert}, p.Roots, probes.Passed, true},
		{"issuer ended", []*x509.Certificate{endedLeaf, endedInter.Cert, p.Root.Cert}, p.Roots, probes.Failed, false},
		{"nothing by SHA-1", []*x509.Certificate{p.Leaf(t).Cert, p.Inter.Cert}, p.Roots, probes.Passed, false},
	} {
		j, verified := NewVerifier(tt.roots).Server(time.Now(), tt.chain, "", "")
		if got := j.Verdicts[probes.VerdictTrust]; got.Outcome != tt.trust || (got.Uncertain != "") != tt.uncertain {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if tt.trust == probes.Passed && len(verified) < 3 {
			t.Errorf("%s: verified by %d certificates", tt.name, len(verified))
		}
	}
}

func TestSerialIsBounded(t *testing.T) {
	c := &x509.Certificate{SerialNumber: new(big.Int).Lsh(big.NewInt(1), 1<<20)}
	harmless(t, newCertificate(c, false).Serial, maxName)
}
