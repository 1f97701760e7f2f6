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

// CA is a certificate authority: a root and an intermediate, which issues certificates.
type CA struct {
	root, intermediate       *x509.Certificate
	rootKey, intermediateKey crypto.Signer
}

// Leaf describes a certificate to issue. It is valid for servers and clients.
type Leaf struct {
	Names               []string // subject alternative names; without any, CommonName is required
	CommonName          string   // of the subject; the first of Names when empty
	NotBefore, NotAfter time.Time
	OmitIntermediate    bool // leave the intermediate out of the chain
	SelfSigned          bool // not issued by the CA
	RSABits             int  // size of an RSA key, at most 4096; 0 is ECDSA P-256
}

// NewCA returns a certificate authority that is valid from five years before now to five years after it.
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

func authority(
	name string, now time.Time, parent *x509.Certificate, parentKey crypto.Signer,
) (*x509.Certificate, crypto.Signer, error) {
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

// sign creates a key and a certificate for it, self-signed if parent is nil. It returns the certificate as DER.
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
		return nil, fmt.Errorf("RSA with %d bits, want at most 4096", rsaBits)
	default:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
}

// RootPEM returns the root certificate.
func (ca *CA) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.root.Raw})
}

// Issue issues a certificate with its chain, as a server sends it.
func (ca *CA) Issue(l Leaf) (tls.Certificate, error) {
	if l.CommonName == "" && len(l.Names) > 0 {
		l.CommonName = l.Names[0]
	}
	if l.CommonName == "" {
		return tls.Certificate{}, errors.New("lab: a certificate needs Names or a CommonName")
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
