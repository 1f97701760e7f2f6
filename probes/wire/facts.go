package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"slices"

	"m365_connector_exporter/probes"
)

const maxName = 256

// facts turns a certificate into the facts that cross the seam.
func facts(c *x509.Certificate) *probes.Certificate {
	sum := sha256.Sum256(c.Raw)
	algorithm, bits := keyOf(c)
	f := &probes.Certificate{
		Subject: nameOf(c.Subject), Issuer: nameOf(c.Issuer), CommonName: probes.Sanitise(c.Subject.CommonName, maxName),
		Fingerprint: hex.EncodeToString(sum[:]), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		KeyAlgorithm: algorithm, KeyBits: bits, SignatureAlgorithm: c.SignatureAlgorithm.String(),
		IsCA: c.IsCA, SelfSigned: selfSigned(c),
	}
	if c.SerialNumber != nil {
		f.Serial = probes.Sanitise(c.SerialNumber.Text(16), maxName) // RFC 5280 allows 20 octets; Go reads any number
	}
	for _, n := range c.DNSNames[:min(len(c.DNSNames), 100)] {
		f.DNSNames = append(f.DNSNames, probes.Sanitise(n, maxName))
	}
	open := len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
	f.ClientAuth = open || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	f.ServerAuth = open || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	return f
}

func nameOf(n pkix.Name) string {
	if n.CommonName == "" && len(n.Organization) > 0 {
		return probes.Sanitise(n.Organization[0], maxName)
	}
	return probes.Sanitise(n.CommonName, maxName)
}

func keyOf(c *x509.Certificate) (string, int) {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		return "ECDSA", k.Curve.Params().BitSize
	case ed25519.PublicKey:
		return "Ed25519", 256
	}
	return c.PublicKeyAlgorithm.String(), 0
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
