package certificate

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
)

// ambiguousChain is a leaf and twenty certificates of one name, each with a key of its own: by name each could be the
// issuer of each.
func ambiguousChain(t *testing.T) []*x509.Certificate {
	t.Helper()
	authority := x509.Certificate{Subject: pkix.Name{CommonName: "CA"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	chain := []*x509.Certificate{certtest.Issue(t, certtest.Issue(t, nil, authority), x509.Certificate{}).Cert}
	for range 20 {
		chain = append(chain, certtest.Issue(t, nil, authority).Cert)
	}
	return chain
}

// branchingChain is a leaf and nine certificates of one name and key, which differ in their SAN: each signed each.
func branchingChain(t *testing.T) []*x509.Certificate {
	t.Helper()
	authority := x509.Certificate{Subject: pkix.Name{CommonName: "CA"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	ca := certtest.Issue(t, nil, authority)
	chain := []*x509.Certificate{certtest.Issue(t, ca, x509.Certificate{}).Cert}
	for i := range probes.MaxChain - 1 {
		authority.DNSNames = []string{fmt.Sprintf("%d.test", i)}
		chain = append(chain, certtest.Reissue(t, ca, authority))
	}
	return chain
}

func TestSignatureChecksOfOneChainAreLimited(t *testing.T) {
	for _, tt := range []struct {
		name   string
		chain  []*x509.Certificate
		reason [2]probes.Reason // of the answers on chain and trust
	}{
		{"ambiguous", ambiguousChain(t), [2]probes.Reason{probes.ReasonCertificateChainIncomplete}},
		{"branching", branchingChain(t), [2]probes.Reason{probes.ReasonProberLimit, probes.ReasonProberLimit}},
	} {
		limited := newSignatures(maxSignatureCost)
		v := verifyChain(time.Now(), tt.chain, x509.NewCertPool(), limited)
		if n := len(limited.results); n > maxSignatureCost {
			t.Errorf("%s: %d signatures were checked", tt.name, n)
		}
		if got := [2]probes.Reason{v.chain.Reason, v.trust.Reason}; got != tt.reason {
			t.Errorf("%s: %+v, %+v", tt.name, v.chain, v.trust)
		}
	}
}

// What crypto/x509 would check is estimated before it is called.
func TestSearchCost(t *testing.T) {
	chain := branchingChain(t)
	if cost := newSignatures(1<<20).searchCost(chain[0], chain[1:], nil); cost <= maxSearchCost {
		t.Errorf("cost %d", cost)
	}
}

func TestLongestChainIsVerified(t *testing.T) {
	authority := func(i int) x509.Certificate {
		return x509.Certificate{
			Subject: pkix.Name{CommonName: fmt.Sprint("CA ", i)}, IsCA: true,
			KeyUsage: x509.KeyUsageCertSign,
		}
	}
	issuer := certtest.Issue(t, nil, authority(0))
	roots := x509.NewCertPool()
	roots.AddCert(issuer.Cert)
	var chain []*x509.Certificate
	for i := range probes.MaxChain - 1 {
		issuer = certtest.Issue(t, issuer, authority(i+1))
		chain = append([]*x509.Certificate{issuer.Cert}, chain...)
	}
	leaf := certtest.Issue(t, issuer, x509.Certificate{DNSNames: []string{"mail.test"}}).Cert
	chain = append([]*x509.Certificate{leaf}, chain...)
	seen, verified := NewVerifier(roots).Server(time.Now(), chain, "mail.test", "")
	if trust := seen.Verdicts[probes.VerdictTrust]; trust.Outcome != probes.Passed || len(verified) != probes.MaxChain+1 {
		t.Errorf("%+v, %d verified", trust, len(verified))
	}
}

func TestRepeatedCertificatesCostNothing(t *testing.T) {
	ca := certtest.New(t)
	leaf := ca.Leaf(t, "mail.test").Cert
	again, err := x509.ParseCertificate(ca.Inter.Cert.Raw)
	if err != nil {
		t.Fatal(err)
	}
	chain := []*x509.Certificate{leaf, leaf, ca.Inter.Cert, again, again, ca.Inter.Cert}
	sigs := newSignatures(maxSignatureCost)
	v := verifyChain(time.Now(), chain, ca.Roots, sigs)
	if v.trust.Outcome != probes.Passed || len(sigs.results) > 3 || len(v.certificates) != len(chain) {
		t.Errorf("%+v after %d checks", v.trust, len(sigs.results))
	}
}

func TestLargeKeysCostMore(t *testing.T) {
	for bits, want := range map[uint]int{2048: 1, 4096: 1, 8192: 4, 8448: 9, 16384: 16} {
		key := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537}
		if got := signatureCost(&x509.Certificate{PublicKey: key}); got != want {
			t.Errorf("RSA %d: %d", bits, got)
		}
	}
	sigs := newSignatures(8)
	large := &x509.Certificate{PublicKey: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 8191), E: 65537}}
	for range 10 {
		_ = sigs.check(&x509.Certificate{}, large)
	}
	if sigs.spent != 8 || len(sigs.results) != 2 {
		t.Errorf("%d spent on %d checks", sigs.spent, len(sigs.results))
	}
}
