package certificate

import (
	"crypto/x509"
	"time"
)

// chainValidity returns when the certificates above the leaf begin and end: those of the verified chain that lasts
// longest, without its root, or, if none was verified, the sent ones that signed another sent one. Both are zero if
// there is none.
func chainValidity(
	sigs *signatures, chains [][]*x509.Certificate, sent []*x509.Certificate,
) (from, to time.Time) {
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
		if i := sigs.lastingIssuerOf(c, sent[1:]); i != nil && i != c && !sigs.selfSigned(i) {
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
