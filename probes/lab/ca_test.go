package lab

import (
	"crypto/rsa"
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestIssue(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ca, err := NewCA(now)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.RootPEM()) {
		t.Fatal("RootPEM is no certificate")
	}
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	type seen struct {
		Fault, CN   string
		Names       []string
		Sent, RSA   int
		Start, Ends time.Time
	}
	a := []string{"a.example"}
	tests := map[string]struct {
		leaf Leaf
		want seen
	}{
		"healthy":      {Leaf{Names: a, NotBefore: day(-1), NotAfter: day(9)}, seen{"", "a.example", a, 2, 0, day(-1), day(9)}},
		"common name":  {Leaf{Names: a, CommonName: "A", NotBefore: day(-1), NotAfter: day(9)}, seen{"", "A", a, 2, 0, day(-1), day(9)}},
		"no SAN":       {Leaf{CommonName: "a.example", NotBefore: day(-1), NotAfter: day(9)}, seen{"certificate_name_mismatch", "a.example", nil, 2, 0, day(-1), day(9)}},
		"expired":      {Leaf{Names: a, NotBefore: day(-9), NotAfter: day(-1)}, seen{"certificate_expired", "a.example", a, 2, 0, day(-9), day(-1)}},
		"early":        {Leaf{Names: a, NotBefore: day(1), NotAfter: day(9)}, seen{"certificate_not_yet_valid", "a.example", a, 2, 0, day(1), day(9)}},
		"intermediate": {Leaf{Names: a, NotBefore: day(-1), NotAfter: day(9), OmitIntermediate: true}, seen{"certificate_chain_incomplete", "a.example", a, 1, 0, day(-1), day(9)}},
		"self-signed":  {Leaf{Names: a, NotBefore: day(-1), NotAfter: day(9), SelfSigned: true}, seen{"certificate_untrusted", "a.example", a, 1, 0, day(-1), day(9)}},
		"rsa":          {Leaf{Names: a, NotBefore: day(-1), NotAfter: day(9), RSABits: 1024}, seen{"", "a.example", a, 2, 1024, day(-1), day(9)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cert, err := ca.Issue(test.leaf)
			if err != nil {
				t.Fatal(err)
			}
			var chain []*x509.Certificate
			for _, der := range cert.Certificate {
				c, err := x509.ParseCertificate(der)
				if err != nil {
					t.Fatal(err)
				}
				chain = append(chain, c)
			}
			leaf := chain[0]
			got := seen{verify(roots, chain, "a.example", now), leaf.Subject.CommonName, leaf.DNSNames, len(chain), 0, leaf.NotBefore, leaf.NotAfter}
			if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok {
				got.RSA = key.N.BitLen()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIssueRefuses(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ca, err := NewCA(now)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]Leaf{
		"lab: a certificate without any name": {},
		"lab: key: more than 4096 bits":       {CommonName: "a", RSABits: 8192},
	}
	for want, leaf := range tests {
		if _, err := ca.Issue(leaf); err == nil || err.Error() != want {
			t.Errorf("%+v: %v, want %s", leaf, err, want)
		}
	}
}
