// Package lab is an embedded world on loopback: a certificate authority, a DNS server and mail servers, healthy ones and sick
// ones in every way. The demo command watches it and tests probe it. It knows nothing of the exporter.
package lab

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// CA is a root and an intermediate below it, which issues.
type CA struct {
	root, intermediate       *x509.Certificate
	rootKey, intermediateKey crypto.Signer
}

// Leaf describes a certificate to issue.
type Leaf struct {
	Names               []string // SAN; without any, CommonName must be there
	CommonName          string   // of the subject; the first name when empty
	NotBefore, NotAfter time.Time
	OmitIntermediate    bool // sent without its intermediate
	SelfSigned          bool // not issued by the CA at all
	RSABits             int  // 0: ECDSA P-256; 4096 at most
}

// NewCA makes an authority that is valid for ten years around now.
func NewCA(now time.Time) (*CA, error) {
	ca := &CA{}
	var err error
	ca.root, ca.rootKey, err = authority("Lab Root", now, nil, nil)
	if err != nil {
		return nil, err
	}
	ca.intermediate, ca.intermediateKey, err = authority("Lab Intermediate", now, ca.root, ca.rootKey)
	return ca, err
}

func authority(name string, now time.Time, parent *x509.Certificate, parentKey crypto.Signer) (*x509.Certificate, crypto.Signer, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, key, err := sign(template, parent, parentKey, 0)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

// sign makes a key and a certificate for it; a nil parent makes it self-signed.
func sign(template, parent *x509.Certificate, parentKey crypto.Signer, rsaBits int) ([]byte, crypto.Signer, error) {
	key, err := newKey(rsaBits)
	if err != nil {
		return nil, nil, fmt.Errorf("lab: key: %w", err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, fmt.Errorf("lab: serial: %w", err)
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, nil, fmt.Errorf("lab: certificate: %w", err)
	}
	return der, key, nil
}

func newKey(rsaBits int) (crypto.Signer, error) {
	switch {
	case rsaBits == 0:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case rsaBits > 4096:
		return nil, errors.New("more than 4096 bits")
	default:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
}

// RootPEM is the root for a trust store.
func (ca *CA) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.root.Raw})
}

// Issue makes a certificate with its chain as a server would send it.
func (ca *CA) Issue(l Leaf) (tls.Certificate, error) {
	if l.CommonName == "" && len(l.Names) > 0 {
		l.CommonName = l.Names[0]
	}
	if l.CommonName == "" {
		return tls.Certificate{}, errors.New("lab: a certificate without any name")
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: l.CommonName}, DNSNames: l.Names, NotBefore: l.NotBefore, NotAfter: l.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, parentKey := ca.intermediate, ca.intermediateKey
	if l.SelfSigned {
		parent, parentKey = nil, nil
	}
	der, key, err := sign(template, parent, parentKey, l.RSABits)
	if err != nil {
		return tls.Certificate{}, err
	}
	chain := [][]byte{der}
	if !l.SelfSigned && !l.OmitIntermediate {
		chain = append(chain, ca.intermediate.Raw)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: key}, nil
}
