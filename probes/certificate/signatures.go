package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
)

// Limits of the cost of the signatures that are checked for one chain. A cost of 1 is the check of a signature by a
// common key. A hostile server can send certificates with the same name and large keys, of which each might have signed
// every other one.
const (
	maxSignatureCost = 200 // of checks in this package: a chain with a dozen unrelated certificates costs 20
	maxSearchCost    = 80  // of checks in crypto/x509, which gives up after 100 of them
	commonKeyBits    = 4096
)

var errTooManySignatures = errors.New("the chain needs too many signature checks")

// signatures checks the signatures between the certificates of one chain, each once, up to a limit.
type signatures struct {
	limit, spent int
	exhausted    bool                           // a signature was not checked because of the limit
	results      map[[2]*x509.Certificate]error // by certificate and issuer
}

func newSignatures(limit int) *signatures {
	return &signatures{limit: limit, results: map[[2]*x509.Certificate]error{}}
}

// signatureCost returns the cost of checking a signature of issuer: it grows with the square of the length of an RSA
// key, and crypto/ecdsa is slow for the larger curves.
func signatureCost(issuer *x509.Certificate) int {
	switch key := issuer.PublicKey.(type) {
	case *rsa.PublicKey:
		if factor := (key.N.BitLen() + commonKeyBits - 1) / commonKeyBits; factor > 1 {
			return factor * factor
		}
	case *ecdsa.PublicKey:
		switch bits := key.Params().BitSize; {
		case bits > 384:
			return 10
		case bits > 256:
			return 3
		}
	}
	return 1
}

// check checks that the key of issuer signed c. Unlike x509.Certificate.CheckSignatureFrom it accepts SHA-1.
func (s *signatures) check(c, issuer *x509.Certificate) error {
	pair := [2]*x509.Certificate{c, issuer}
	if err, known := s.results[pair]; known {
		return err
	}
	cost := signatureCost(issuer)
	if s.spent+cost > s.limit {
		s.exhausted = true
		return errTooManySignatures
	}
	s.spent += cost
	err := issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	s.results[pair] = err
	return err
}

// selfSigned reports whether c is signed with its own key.
func (s *signatures) selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && s.check(c, c) == nil
}

// issuerOf returns the first certificate among sent whose key signed c, nil if there is none. crypto/x509 does not
// check MD5 signatures: for these the name is sufficient.
func (s *signatures) issuerOf(c *x509.Certificate, sent []*x509.Certificate) *x509.Certificate {
	for _, candidate := range sent {
		if !bytes.Equal(candidate.RawSubject, c.RawIssuer) {
			continue
		}
		err := s.check(c, candidate)
		var insecure x509.InsecureAlgorithmError
		if err == nil || errors.As(err, &insecure) {
			return candidate
		}
	}
	return nil
}

// lastingIssuerOf returns the issuer of c that expires last, so that a renewed issuer is preferred to the expired one.
func (s *signatures) lastingIssuerOf(c *x509.Certificate, sent []*x509.Certificate) (issuer *x509.Certificate) {
	for i := range sent {
		candidate := s.issuerOf(c, sent[i:i+1])
		if candidate != nil && (issuer == nil || candidate.NotAfter.After(issuer.NotAfter)) {
			issuer = candidate
		}
	}
	return issuer
}

// searchCost returns an upper bound of the cost for crypto/x509 to find the chains above c: it tries each certificate
// with the name of the issuer that is not below c already, and searches above each one that has signed. Counting stops
// above maxSearchCost.
func (s *signatures) searchCost(c *x509.Certificate, intermediates, below []*x509.Certificate) (cost int) {
	below = append(slices.Clone(below), c)
	for _, candidate := range intermediates {
		if !bytes.Equal(candidate.RawSubject, c.RawIssuer) || slices.Contains(below, candidate) {
			continue
		}
		cost += signatureCost(candidate)
		err := s.check(c, candidate)
		if err == nil {
			cost += s.searchCost(candidate, intermediates, below)
		}
		if cost > maxSearchCost || errors.Is(err, errTooManySignatures) {
			s.exhausted = true
			return maxSearchCost + 1
		}
	}
	return cost
}

// distinct returns the certificates without repetitions.
func distinct(chain []*x509.Certificate) []*x509.Certificate {
	var all []*x509.Certificate
	for _, c := range chain {
		if !slices.ContainsFunc(all, c.Equal) {
			all = append(all, c)
		}
	}
	return all
}
