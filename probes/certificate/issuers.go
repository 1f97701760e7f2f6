package certificate

import (
	"bytes"
	"crypto/x509"
	"errors"
	"time"
)

// issuerOf returns the first certificate among sent whose key signed c, nil if there is none. MD5 signatures cannot
// be checked any more: for them the name decides.
func issuerOf(c *x509.Certificate, sent []*x509.Certificate) *x509.Certificate {
	for _, candidate := range sent {
		if !bytes.Equal(candidate.RawSubject, c.RawIssuer) {
			continue
		}
		err := checkSignature(c, candidate)
		var insecure x509.InsecureAlgorithmError
		if err == nil || errors.As(err, &insecure) {
			return candidate
		}
	}
	return nil
}

func isSelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && checkSignature(c, c) == nil
}

// checkSignature checks that issuer's key signed c. Unlike CheckSignatureFrom it accepts SHA-1.
func checkSignature(c, issuer *x509.Certificate) error {
	return issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
}

// chainValidity returns when the certificates above the leaf begin and end: those of the verified chain that lasts
// longest, without its root, or, if none was verified, the sent ones that signed another sent one. Both are zero if
// there is none.
func chainValidity(chains [][]*x509.Certificate, sent []*x509.Certificate) (from, to time.Time) {
	for _, c := range chains {
		if len(c) < 3 {
			return time.Time{}, time.Time{} // the root signed the leaf: nothing between them can end
		}
		if f, t := commonValidity(c[1 : len(c)-1]); t.After(to) {
			from, to = f, t
		}
	}
	if len(chains) > 0 {
		return from, to
	}
	var used []*x509.Certificate
	for _, c := range sent {
		if i := issuerOf(c, sent); i != nil && !i.Equal(c) && !i.Equal(sent[0]) && !isSelfSigned(i) {
			used = append(used, i)
		}
	}
	return commonValidity(used)
}

// commonValidity returns the time in which all certificates are valid.
func commonValidity(certs []*x509.Certificate) (from, to time.Time) {
	for _, c := range certs {
		if c.NotBefore.After(from) {
			from = c.NotBefore
		}
		if to.IsZero() || c.NotAfter.Before(to) {
			to = c.NotAfter
		}
	}
	return from, to
}
