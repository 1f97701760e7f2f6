package certificate

import (
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

const (
	maxName  = 256      // bytes kept of one name
	maxNames = 32 << 10 // bytes kept of all names of one certificate: about a thousand names
)

// newCertificate records a certificate.
func newCertificate(c *x509.Certificate, selfSigned bool) *probes.Certificate {
	sum := sha256.Sum256(c.Raw)
	algorithm, bits := publicKey(c)
	record := &probes.Certificate{
		Subject: DisplayName(c.Subject), Issuer: DisplayName(c.Issuer),
		CommonName:  probes.Sanitise(c.Subject.CommonName, maxName),
		Fingerprint: hex.EncodeToString(sum[:]), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		KeyAlgorithm: algorithm, KeyBits: bits, SignatureAlgorithm: c.SignatureAlgorithm.String(),
		IsCA: c.IsCA, SelfSigned: selfSigned,
	}
	if c.SerialNumber != nil {
		record.Serial = probes.Sanitise(c.SerialNumber.Text(16), maxName) // RFC 5280 allows 20 octets; Go reads any number
	}
	record.DNSNames, record.OmittedNames = boundedNames(c.DNSNames)
	unrestricted := len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
	record.ClientAuth = unrestricted || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	record.ServerAuth = unrestricted || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	return record
}

// boundedNames returns the first names within maxNames, sanitised, and the number of the others.
func boundedNames(all []string) (names []string, omitted int) {
	size := 0
	for i, n := range all {
		name := probes.Sanitise(n, maxName)
		if size += len(name); size > maxNames {
			return names, len(all) - i
		}
		names = append(names, name)
	}
	return names, 0
}

// DisplayName returns the name of a subject or an issuer for display, sanitised: the CN, or the O if there is no CN.
func DisplayName(n pkix.Name) string {
	if n.CommonName == "" && len(n.Organization) > 0 {
		return probes.Sanitise(n.Organization[0], maxName)
	}
	return probes.Sanitise(n.CommonName, maxName)
}

// publicKey returns the algorithm of a certificate's key and its size in bits, 0 if it is unknown.
func publicKey(c *x509.Certificate) (algorithm string, bits int) {
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
