package lab

import (
	"crypto/rsa"
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// seen is what a client sees of a certificate.
type seen struct {
	Reason, CN  string // Reason is why it is refused; "" if it is not
	Names       []string
	Sent, RSA   int
	Start, Ends time.Time
}

// issue issues a certificate and looks at it as a client of a.example does.
func issue(t *testing.T, ca *CA, roots *x509.CertPool, l Leaf, now time.Time) seen {
	t.Helper()
	cert, err := ca.Issue(l)
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
	s := seen{
		Reason: verify(roots, chain, "a.example", now), CN: leaf.Subject.CommonName, Names: leaf.DNSNames,
		Sent: len(chain), Start: leaf.NotBefore, Ends: leaf.NotAfter,
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok {
		s.RSA = key.N.BitLen()
	}
	return s
}

func TestIssue(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ca, err := NewCA(now)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.RootPEM()) {
		t.Fatal("RootPEM is not a certificate")
	}
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	names := []string{"a.example"}
	healthy := Leaf{Names: names, NotBefore: day(-1), NotAfter: day(9)}
	asIssued := seen{CN: "a.example", Names: names, Sent: 2, Start: day(-1), Ends: day(9)}
	for name, c := range map[string]struct {
		leaf func(*Leaf)
		want func(*seen)
	}{
		"healthy":     {func(*Leaf) {}, func(*seen) {}},
		"common name": {func(l *Leaf) { l.CommonName = "A" }, func(s *seen) { s.CN = "A" }},
		"without SAN": {
			func(l *Leaf) { l.Names, l.CommonName = nil, "a.example" },
			func(s *seen) { s.Reason, s.Names = "certificate_name_mismatch", nil },
		},
		"expired": {
			func(l *Leaf) { l.NotBefore, l.NotAfter = day(-9), day(-1) },
			func(s *seen) { s.Reason, s.Start, s.Ends = "certificate_expired", day(-9), day(-1) },
		},
		"not yet valid": {
			func(l *Leaf) { l.NotBefore = day(1) },
			func(s *seen) { s.Reason, s.Start = "certificate_not_yet_valid", day(1) },
		},
		"without intermediate": {
			func(l *Leaf) { l.OmitIntermediate = true },
			func(s *seen) { s.Reason, s.Sent = "certificate_chain_incomplete", 1 },
		},
		"self-signed": {
			func(l *Leaf) { l.SelfSigned = true },
			func(s *seen) { s.Reason, s.Sent = "certificate_untrusted", 1 },
		},
		"RSA": {func(l *Leaf) { l.RSABits = 1024 }, func(s *seen) { s.RSA = 1024 }},
	} {
		t.Run(name, func(t *testing.T) {
			leaf, want := healthy, asIssued
			c.leaf(&leaf)
			c.want(&want)
			if diff := cmp.Diff(want, issue(t, ca, roots, leaf, now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIssueErrors(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ca, err := NewCA(now)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]Leaf{
		"lab: a certificate needs Names or a CommonName":  {},
		"lab: key: RSA with 8192 bits, want at most 4096": {CommonName: "a", RSABits: 8192},
	}
	for want, leaf := range tests {
		if _, err := ca.Issue(leaf); err == nil || err.Error() != want {
			t.Errorf("%+v: %v, want %s", leaf, err, want)
		}
	}
}
