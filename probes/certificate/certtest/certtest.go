// Package certtest makes certificates for tests: a root, an intermediate below it, and any other that a test needs.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// Issued is a certificate with its key.
type Issued struct {
	Cert *x509.Certificate
	Key  *ecdsa.PrivateKey
}

// Issue makes a certificate from a template, signed by parent, or self-signed if parent is nil. Without dates it is
// valid for 90 days.
func Issue(t testing.TB, parent *Issued, template x509.Certificate) *Issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		return &Issued{create(t, &template, &template, key, key), key}
	}
	return &Issued{create(t, &template, parent.Cert, key, parent.Key), key}
}

// IssueFor makes another certificate for the key of subject, signed by parent.
func IssueFor(t testing.TB, parent, subject *Issued, template x509.Certificate) *x509.Certificate {
	t.Helper()
	return create(t, &template, parent.Cert, subject.Key, parent.Key)
}

// IssueSerial makes a self-signed certificate with a serial number.
func IssueSerial(t testing.TB, serial *big.Int, template x509.Certificate) *Issued {
	t.Helper()
	template.SerialNumber = serial
	return Issue(t, nil, template)
}

// Reissue makes another certificate for the key of issued, signed with this key.
func Reissue(t testing.TB, issued *Issued, template x509.Certificate) *x509.Certificate {
	t.Helper()
	return create(t, &template, issued.Cert, issued.Key, issued.Key)
}

func create(t testing.TB, template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
	}
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(time.Now().UnixNano())
	}
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// PKI is a root, an intermediate that it signed, and a pool with the root.
type PKI struct {
	Roots       *x509.CertPool
	Root, Inter *Issued
}

// New makes a PKI.
func New(t testing.TB) PKI {
	t.Helper()
	authority := func(name string) x509.Certificate {
		return x509.Certificate{
			Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}
	}
	root := Issue(t, nil, authority("Root"))
	inter := Issue(t, root, authority("Inter"))
	pool := x509.NewCertPool()
	pool.AddCert(root.Cert)
	return PKI{pool, root, inter}
}

// Leaf makes a certificate for names, signed by the intermediate.
func (p PKI) Leaf(t testing.TB, names ...string) *Issued {
	t.Helper()
	return Issue(t, p.Inter, x509.Certificate{Subject: pkix.Name{CommonName: "leaf"}, DNSNames: names})
}

// ServerConfig is the configuration of a TLS server that shows leaf and then more. It speaks TLS 1.0 too.
func ServerConfig(leaf *Issued, more ...*Issued) *tls.Config {
	c := tls.Certificate{PrivateKey: leaf.Key, Certificate: [][]byte{leaf.Cert.Raw}}
	for _, m := range more {
		c.Certificate = append(c.Certificate, m.Cert.Raw)
	}
	//nolint:gosec // for tests of old servers
	return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS10}
}
