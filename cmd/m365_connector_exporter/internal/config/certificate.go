package config

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/regularfile"
)

// Material is the certificate that a sender presents to Exchange Online, with its key if the file contains it.
type Material struct {
	Leaf   *x509.Certificate // the one that matches the key, else the first that is not a CA's
	Chain  [][]byte          // DER: the leaf, its issuers if the file has them, then the rest in the file's order
	Key    *tls.Certificate  // the same chain with its key; nil if there is none
	Source string            // the file
}

// maxCertificates limits the certificates of one file: a chain is short, and a bundle of roots is not a chain.
const maxCertificates = 100

// maxCertificateFile is the largest file that a command reads, in bytes.
const maxCertificateFile = 64 << 20

// maxNames limits the names taken from a certificate.
const maxNames = 1000

var (
	errNoCertificate    = errors.New("contains no readable certificate (PEM, DER or PKCS#7)")
	errManyCertificates = fmt.Errorf("contains more than %d certificates", maxCertificates)
	errForeignKey       = errors.New("contains a private key that belongs to none of its certificates")
)

// ReadCertificate reads a certificate file for a command: PEM, DER or PKCS#7, and PKCS#12 with the password in
// passwordFile ("": the password is empty). Errors name the file and never quote its contents.
func ReadCertificate(ctx context.Context, path, passwordFile string) (Material, error) {
	c, err := regularfile.Read(ctx, path, maxCertificateFile)
	if err != nil {
		return Material{}, fmt.Errorf("%s: %w", path, err)
	}
	password := ""
	if passwordFile != "" {
		secret, err := regularfile.Read(ctx, passwordFile, maxCertificateFile)
		if err != nil {
			return Material{}, fmt.Errorf("%s: %w", passwordFile, err)
		}
		password = passwordOf(secret.Data)
	}
	m, err := parseCertificates(c.Data)
	if passwordFile != "" || errors.Is(err, errNoCertificate) && isPKCS12(c.Data) {
		m, err = parsePKCS12(c.Data, password)
	}
	if err != nil {
		return Material{}, fmt.Errorf("%s: %w", path, err)
	}
	m.Source = path
	return m, nil
}

// material puts certificates in order, leaf first. A key must be that of one of them.
func material(certs []*x509.Certificate, key crypto.Signer) (Material, error) {
	switch {
	case len(certs) == 0:
		return Material{}, errNoCertificate
	case len(certs) > maxCertificates:
		return Material{}, errManyCertificates
	}
	leaf := leafOf(certs, key)
	if leaf == nil {
		return Material{}, errForeignKey
	}
	m := Material{Leaf: leaf}
	for _, c := range chainFrom(leaf, certs) {
		m.Chain = append(m.Chain, c.Raw)
	}
	if key != nil {
		m.Key = &tls.Certificate{Certificate: m.Chain, PrivateKey: key, Leaf: leaf}
	}
	return m, nil
}

// leafOf returns the certificate of the key, or nil if none is; without a key, the first that is not a CA's.
func leafOf(certs []*x509.Certificate, key crypto.Signer) *x509.Certificate {
	for _, c := range certs {
		if key != nil && isKeyOf(key, c) || key == nil && !c.IsCA {
			return c
		}
	}
	if key != nil {
		return nil
	}
	return certs[0]
}

// chainFrom returns the leaf, its issuers by name, and then the certificates that do not belong to its chain.
// Duplicates are left out.
func chainFrom(leaf *x509.Certificate, certs []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	has := map[string]bool{string(leaf.Raw): true}
	add := func(wanted func(*x509.Certificate) bool) bool {
		for _, c := range certs {
			if !has[string(c.Raw)] && wanted(c) {
				has[string(c.Raw)] = true
				chain = append(chain, c)
				return true
			}
		}
		return false
	}
	issuer := func(c *x509.Certificate) bool { return string(c.RawSubject) == string(chain[len(chain)-1].RawIssuer) }
	for add(issuer) {
	}
	for add(func(*x509.Certificate) bool { return true }) {
	}
	return chain
}

// Presented returns what attribution needs of the certificate. Its validity depends on the time and the roots, and is
// left unknown.
func (m Material) Presented() *mailflow.ClientCertificate {
	if m.Leaf == nil {
		return nil
	}
	sum := sha256.Sum256(m.Leaf.Raw)
	p := &mailflow.ClientCertificate{
		CommonName: certName(m.Leaf.Subject.CommonName), Fingerprint: hex.EncodeToString(sum[:]), Source: m.Source,
	}
	first := m.Leaf.DNSNames[:min(len(m.Leaf.DNSNames), maxNames)]
	for _, name := range first {
		p.DNSNames = append(p.DNSNames, certName(name))
	}
	p.OmittedNames = len(m.Leaf.DNSNames) - len(first)
	return p
}

// certName returns a name of a certificate without control characters, which a CN may contain.
func certName(name string) string {
	return strings.Map(func(c rune) rune {
		if inventory.IsControl(c) {
			return -1
		}
		return c
	}, mailflow.CertificateName(name))
}
