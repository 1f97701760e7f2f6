package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
)

// The limits of the signatures that are checked for one chain, in checks of usual keys. A hostile server can send
// certificates with one name and large keys, so that each could have signed each other one.
const (
	maxSignatureCost = 200 // here: a chain with a dozen foreign certificates needs a tenth of it
	maxSearchCost    = 80  // by crypto/x509, which gives up after 100 checks
	usualKeyBits     = 4096
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

// signatureCost returns what checking a signature of issuer costs: it grows with the square of an RSA key's length,
// and crypto/ecdsa is slow with the curves that it has no assembly for.
func signatureCost(issuer *x509.Certificate) int {
	switch key := issuer.PublicKey.(type) {
	case *rsa.PublicKey:
		if factor := (key.N.BitLen() + usualKeyBits - 1) / usualKeyBits; factor > 1 {
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

// check checks that issuer's key signed c. Unlike CheckSignatureFrom it accepts SHA-1.
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

// issuerOf returns the first certificate among sent whose key signed c, nil if there is none. MD5 signatures cannot
// be checked any more: for them the name decides.
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

// lastingIssuerOf returns the issuer of c that is valid longest: an expired one beside its renewed twin is not used.
func (s *signatures) lastingIssuerOf(c *x509.Certificate, sent []*x509.Certificate) (issuer *x509.Certificate) {
	for i := range sent {
		candidate := s.issuerOf(c, sent[i:i+1])
		if candidate != nil && (issuer == nil || candidate.NotAfter.After(issuer.NotAfter)) {
			issuer = candidate
		}
	}
	return issuer
}

// searchCost returns how many signatures crypto/x509 checks at most to find the chains above c: it tries each issuer
// of the right name that is not below, and searches on above each that signed. It stops counting above
// maxSearchCost.
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
