//go:build e2e

package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a root with one intermediate, which signs all leaves.
type authority struct {
	t            testing.TB
	dir          string
	root, middle *signer
	rootFile     string
}

// signer is a certificate with its key.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// leaf describes a leaf certificate. The zero value is valid from yesterday for 90 days and is signed by the
// intermediate, which is part of the chain.
type leaf struct {
	name       string
	from, to   time.Time
	noChain    bool // the intermediate is left out
	selfSigned bool
	clientAuth bool // with extended key usage clientAuth, too
}

func newAuthority(t testing.TB, dir string) *authority {
	t.Helper()
	a := &authority{t: t, dir: dir, rootFile: filepath.Join(dir, "root.pem")}
	a.root = a.sign(caTemplate("E2E Root"), nil)
	a.middle = a.sign(caTemplate("E2E Intermediate"), a.root)
	writeFile(t, a.rootFile, string(pemOf("CERTIFICATE", a.root.cert.Raw)), 0o644)
	return a
}

func caTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:  x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		NotBefore: time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0),
	}
}

func (a *authority) sign(template *x509.Certificate, by *signer) *signer {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	a.must(err)
	if by == nil {
		by = &signer{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	a.must(err)
	cert, err := x509.ParseCertificate(der)
	a.must(err)
	return &signer{cert: cert, key: key}
}

// pair is a leaf on disk: a file with the chain, leaf first, and a file with the key.
type pair struct {
	chain, key string
	cert       *x509.Certificate
}

// issue signs a leaf and writes its chain and key to a new directory. Only root can read the key.
func (a *authority) issue(l leaf) pair {
	a.t.Helper()
	if l.from.IsZero() {
		l.from = time.Now().AddDate(0, 0, -1)
	}
	if l.to.IsZero() {
		l.to = time.Now().AddDate(0, 0, 90)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: l.name}, DNSNames: []string{l.name}, NotBefore: l.from, NotAfter: l.to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if l.clientAuth {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	by := a.middle
	if l.selfSigned {
		by = nil
	}
	s := a.sign(template, by)
	chain := pemOf("CERTIFICATE", s.cert.Raw)
	if !l.selfSigned && !l.noChain {
		chain = append(chain, pemOf("CERTIFICATE", a.middle.cert.Raw)...)
	}
	key, err := x509.MarshalPKCS8PrivateKey(s.key)
	a.must(err)
	base, err := os.MkdirTemp(a.dir, l.name+"-")
	a.must(err)
	a.must(os.Chmod(base, 0o755))
	p := pair{chain: filepath.Join(base, "chain.pem"), key: filepath.Join(base, "key.pem"), cert: s.cert}
	writeFile(a.t, p.chain, string(chain), 0o644)
	writeFile(a.t, p.key, string(pemOf("PRIVATE KEY", key)), 0o600)
	return p
}

func (a *authority) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func pemOf(kind string, der []byte) []byte {
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}) // writing to a buffer cannot fail
	return b.Bytes()
}
