package certificate

import (
	"crypto/x509"
	"time"
)

// chainValidity returns the time during which all intermediates are valid: those of the verified chain that lasts
// longest or, if none was verified, the certificates sent that have signed another one. Both are zero if there are no
// intermediates.
func chainValidity(
	sigs *signatures, chains [][]*x509.Certificate, sent []*x509.Certificate,
) (from, to time.Time) {
	for _, c := range chains {
		if len(c) < 3 {
			return time.Time{}, time.Time{} // the root signed the leaf: there is no intermediate
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

// commonValidity returns the time during which all certificates are valid.
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
