// Package lab is an embedded world on loopback: a certificate authority, a DNS server and mail servers, healthy ones and sick
// ones in every way. The demo command watches it and tests probe it. It knows nothing of the exporter.
package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// CA is a root and an intermediate below it, which issues.
type CA struct {
	root, intermediate       *x509.Certificate
	rootKey, intermediateKey *ecdsa.PrivateKey
}

// Leaf describes a certificate to issue.
type Leaf struct {
	Names               []string
	NotBefore, NotAfter time.Time
	OmitIntermediate    bool // sent without its intermediate
	SelfSigned          bool // not issued by the CA at all
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

func authority(name string, now time.Time, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, key, err := sign(template, parent, parentKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

// sign makes a key and a certificate for it; a nil parent makes it self-signed.
func sign(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("lab: key: %w", err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, fmt.Errorf("lab: serial: %w", err)
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	return der, key, err
}

// RootPEM is the root for a trust store.
func (ca *CA) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.root.Raw})
}

// Issue makes a certificate with its chain as a server would send it.
func (ca *CA) Issue(l Leaf) (tls.Certificate, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: l.Names[0]}, DNSNames: l.Names, NotBefore: l.NotBefore, NotAfter: l.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, parentKey := ca.intermediate, ca.intermediateKey
	if l.SelfSigned {
		parent, parentKey = nil, nil
	}
	der, key, err := sign(template, parent, parentKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	chain := [][]byte{der}
	if !l.SelfSigned && !l.OmitIntermediate {
		chain = append(chain, ca.intermediate.Raw)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: key}, nil
}
