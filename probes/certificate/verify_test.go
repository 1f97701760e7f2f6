package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
)

// Certificates above the leaf count if the chain needs them; roots and unrelated ones do not.
func TestChainValidity(t *testing.T) {
	day := func(n int) time.Time { return time.Now().AddDate(0, 0, n).Truncate(time.Second).UTC() }
	ca := func(name string, by *certtest.Issued, from, to int) *certtest.Issued {
		return certtest.Issue(t, by, x509.Certificate{
			Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: day(from),
			NotAfter: day(to),
		})
	}
	root := ca("Root", nil, -100, 5)
	upper := ca("Upper", root, -50, 40)
	lower := ca("Lower", upper, -10, 60)
	stray := ca("Stray", nil, -1, 1)
	leafOf := func(by *certtest.Issued) *certtest.Issued {
		return certtest.Issue(t, by, x509.Certificate{DNSNames: []string{"mail.test"}})
	}
	trusted, none := x509.NewCertPool(), x509.NewCertPool()
	trusted.AddCert(root.Cert)
	leaf := leafOf(lower)
	for _, tt := range []struct {
		name     string
		sent     []*certtest.Issued
		roots    *x509.CertPool
		from, to time.Time
	}{
		{"verified", []*certtest.Issued{leaf, lower, upper, root}, trusted, day(-10), day(40)},
		{"verified, with a stray", []*certtest.Issued{leaf, stray, lower, upper}, trusted, day(-10), day(40)},
		{"unverified", []*certtest.Issued{leaf, lower, upper, root}, none, day(-10), day(40)},
		{"a hole", []*certtest.Issued{leaf, upper}, trusted, time.Time{}, time.Time{}},
		{"half a chain", []*certtest.Issued{leaf, lower}, trusted, day(-10), day(60)},
		{"under the root", []*certtest.Issued{leafOf(root)}, trusted, time.Time{}, time.Time{}},
		{"the leaf alone", []*certtest.Issued{leaf}, trusted, time.Time{}, time.Time{}},
	} {
		var chain []*x509.Certificate
		for _, c := range tt.sent {
			chain = append(chain, c.Cert)
		}
		got, _ := NewVerifier(tt.roots).Server(time.Now(), chain, "mail.test", "")
		if !got.ChainNotBefore.Equal(tt.from) || !got.ChainNotAfter.Equal(tt.to) {
			t.Errorf("%s: %v to %v, want %v to %v", tt.name, got.ChainNotBefore, got.ChainNotAfter, tt.from, tt.to)
		}
	}
}

func TestPrivateRootThatWasNotSentIsAnIncompleteChain(t *testing.T) {
	private := certtest.Issue(t, nil, x509.Certificate{
		Subject: pkix.Name{CommonName: "Private Root"}, IsCA: true,
		KeyUsage: x509.KeyUsageCertSign,
	})
	leaf := certtest.Issue(t, private, x509.Certificate{DNSNames: []string{"mail.test"}})
	got, _ := NewVerifier(certtest.New(t).Roots).Server(time.Now(), []*x509.Certificate{leaf.Cert}, "mail.test", "")
	if j := got.Verdicts[probes.VerdictChain]; j.Reason != probes.ReasonCertificateChainIncomplete ||
		!strings.Contains(j.Detail, "Private Root (an intermediate of a trusted CA, or a root that is not known") {
		t.Errorf("chain %+v", j)
	}
	if j := got.Verdicts[probes.VerdictTrust]; j.Outcome != probes.NotReached {
		t.Errorf("trust %+v", j)
	}
}
