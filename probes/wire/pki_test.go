package wire

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

type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate signed by parent, or by itself.
func issue(t testing.TB, parent *issued, tmpl x509.Certificate) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if tmpl.NotBefore.IsZero() {
		tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
	}
	tmpl.SerialNumber = big.NewInt(time.Now().UnixNano())
	tmpl.BasicConstraintsValid = true
	signer, by := &tmpl, key
	if parent != nil {
		signer, by = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &tmpl, signer, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{cert, key}
}

type pki struct {
	roots       *x509.CertPool
	root, inter *issued
}

func newPKI(t testing.TB) pki {
	t.Helper()
	root := issue(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: "Root"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign})
	inter := issue(t, root, x509.Certificate{Subject: pkix.Name{CommonName: "Inter"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign})
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	return pki{pool, root, inter}
}

func (p pki) leaf(t testing.TB, names ...string) *issued {
	t.Helper()
	return issue(t, p.inter, x509.Certificate{Subject: pkix.Name{CommonName: "leaf"}, DNSNames: names})
}

func serverConfig(leaf *issued, more ...*issued) *tls.Config {
	c := tls.Certificate{PrivateKey: leaf.key, Certificate: [][]byte{leaf.cert.Raw}}
	for _, m := range more {
		c.Certificate = append(c.Certificate, m.cert.Raw)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS10}
}
