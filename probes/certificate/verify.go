package certificate

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// Verifier verifies chains with one pool of roots and remembers what their signatures proved: hundreds of paths may
// lead to one host, which shows the same chain for weeks. It also judges them by other stores. It is safe for
// concurrent use.
type Verifier struct {
	roots  *x509.CertPool
	stores []Store
	cache  cache
}

// NewVerifier returns a Verifier that trusts roots; nil means the system's. It judges by the other stores, too, which
// decides nothing.
func NewVerifier(roots *x509.CertPool, stores ...Store) *Verifier {
	return &Verifier{roots: roots, stores: stores}
}

// maxAge bounds how long the result of a verification is reused: what else it rests on, such as the start of a root's
// validity, may change.
const maxAge = time.Hour

// verification is what a sent chain's signatures prove. It holds until one of the certificates begins or ends.
type verification struct {
	from, to                      time.Time // exclusive
	certificates                  []*probes.Certificate
	chain, trust                  probes.Judgement
	chainNotBefore, chainNotAfter time.Time // as in probes.TLS
	// issuers lead from above the leaf to a trusted root; none without trust. The leaf is left out: leaves are many and
	// issuers few.
	issuers []*x509.Certificate
	stores  []probes.StoreVerdict
}

// verify returns the verification of a sent chain that holds at now.
func (v *Verifier) verify(now time.Time, chain []*x509.Certificate) *verification {
	key := keyOf(chain)
	if known := v.cache.get(key, now); known != nil {
		return known
	}
	fresh := verifyChain(now, chain, v.roots, newSignatures(maxSignatureCost), v.stores...)
	v.cache.put(key, fresh)
	return fresh
}

// verifyChain looks for a chain from the leaf to a trusted root.
func verifyChain(
	now time.Time, chain []*x509.Certificate, roots *x509.CertPool, sigs *signatures, stores ...Store,
) *verification {
	now = now.Round(0) // without the monotonic reading: the wall clock may be set while the result is remembered
	v := &verification{from: now.Add(-maxAge), to: now.Add(maxAge)}
	for _, c := range chain[:min(len(chain), probes.MaxChain)] {
		v.certificates = append(v.certificates, newCertificate(c, sigs.selfSigned(c)))
	}
	sent := distinct(chain[:min(len(chain), maxSent)])
	v.limitTo(now, sent)
	chains, forgiven, err := verifyWithinValidity(now, sent, roots, sigs)
	for _, c := range chains {
		v.limitTo(now, c)
	}
	if len(chains) > 0 {
		v.issuers = slices.Clone(chains[0][1:])
	}
	v.chain, v.trust = evaluateTrust(now, sent, roots, sigs, err)
	if err != nil && (sigs.exhausted || len(chain) > maxSent) {
		v.chain, v.trust = limitReached(len(chain)), limitReached(len(chain))
	}
	if forgiven && err == nil {
		v.trust.Uncertain = uncertainSHA1
	}
	v.chainNotBefore, v.chainNotAfter = chainValidity(sigs, chains, sent)
	v.judgeStores(now, sent, stores, sigs)
	return v
}

// maxSent is how many certificates of a chain are considered. A handshake has room for a few hundred small ones.
const maxSent = 100

// limitReached is the answer about a chain whose search was given up: it is not known.
func limitReached(sent int) probes.Judgement {
	return probes.Judgement{
		Reason: probes.ReasonProberLimit,
		Detail: fmt.Sprintf("not known: a search among %d certificates takes too many signature checks", sent),
	}
}

// limitTo narrows from and to, so that no certificate begins or ends between them.
func (v *verification) limitTo(now time.Time, certs []*x509.Certificate) {
	for _, c := range certs {
		// A certificate is valid until the end of NotAfter.
		for _, change := range [...]time.Time{c.NotBefore, c.NotAfter.Add(1)} {
			switch {
			case !change.After(now) && change.After(v.from):
				v.from = change
			case change.After(now) && change.Before(v.to):
				v.to = change
			}
		}
	}
}

// verifyWithinValidity verifies at now, or at the nearest moment of the leaf's validity, with the sent intermediates
// only. It forgives SHA-1, which crypto/x509 does not.
func verifyWithinValidity(
	now time.Time, sent []*x509.Certificate, roots *x509.CertPool, sigs *signatures,
) (chains [][]*x509.Certificate, forgiven bool, err error) {
	leaf, at := sent[0], momentOf(sent[0], now)
	if chains, err = verifyAt(at, leaf, sent, roots, sigs); err == nil {
		return chains, false, nil
	}
	below, next := upToSHA1(at, sent, sigs)
	if len(below) == 0 {
		return nil, false, err
	}
	if chains, err = verifyAt(at, next, sent, roots, sigs); err != nil {
		return nil, true, err
	}
	for i, above := range chains {
		chains[i] = append(slices.Clone(below), above...)
	}
	return chains, true, nil
}

// momentOf returns the moment of a certificate's validity that is nearest to now.
func momentOf(c *x509.Certificate, now time.Time) time.Time {
	switch {
	case now.Before(c.NotBefore):
		return c.NotBefore
	case now.After(c.NotAfter):
		return c.NotAfter
	}
	return now
}

func verifyAt(
	at time.Time, c *x509.Certificate, sent []*x509.Certificate, roots *x509.CertPool, sigs *signatures,
) ([][]*x509.Certificate, error) {
	if sigs.searchCost(c, sent[1:], nil) > maxSearchCost {
		return nil, errTooManySignatures
	}
	intermediates := x509.NewCertPool()
	for _, one := range sent[1:] {
		intermediates.AddCert(one)
	}
	return c.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
}

// uncertainSHA1 marks trust that rests on SHA-1: the strength of signatures has an answer of its own.
const uncertainSHA1 = "Microsoft has not documented whether Exchange Online accepts a certificate signed with SHA-1"

// upToSHA1 returns the certificates from the leaf up to the last one that is signed with SHA-1, and the one that
// signed that. All of them must have been sent.
func upToSHA1(
	at time.Time, sent []*x509.Certificate, sigs *signatures,
) (below []*x509.Certificate, next *x509.Certificate) {
	var path []*x509.Certificate
	for c := sent[0]; len(path) < len(sent) && !sigs.selfSigned(c); {
		issuer := sigs.lastingIssuerOf(c, sent[1:])
		if issuer == nil || !issuer.IsCA || at.Before(issuer.NotBefore) || at.After(issuer.NotAfter) {
			break
		}
		if sigs.check(c, issuer) != nil {
			break // MD5, for which issuerOf compares names only
		}
		path = append(path, c)
		if c.SignatureAlgorithm == x509.SHA1WithRSA || c.SignatureAlgorithm == x509.ECDSAWithSHA1 {
			below, next = slices.Clone(path), issuer
		}
		c = issuer
	}
	return below, next
}

// evaluateTrust distinguishes a chain with a hole from one that ends at an unknown root; with a hole, trust cannot be
// evaluated. A leaf whose issuer is an unknown root that was not sent looks like one with a hole: roots need not be
// sent, and nothing is fetched.
func evaluateTrust(
	now time.Time, sent []*x509.Certificate, roots *x509.CertPool, sigs *signatures, err error,
) (chain, trust probes.Judgement) {
	passed := probes.Judgement{Outcome: probes.Passed}
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return passed, passed
	case errors.As(err, &unknown) && !sigs.selfSigned(sent[0]) && sigs.issuerOf(sent[0], sent[1:]) == nil:
		detail := "the issuer was not sent: " + DisplayName(sent[0].Issuer) +
			" (an intermediate of a trusted CA, or a root that is not known: it is not downloaded to find out)"
		return failed(probes.ReasonCertificateChainIncomplete, detail), probes.Judgement{}
	}
	at := momentOf(sent[0], now)
	if issuer := outdatedIssuer(at, sent, roots, sigs); issuer != nil {
		return passed, outdated(at, issuer)
	}
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired && !slices.ContainsFunc(sent, invalid.Cert.Equal) {
		return passed, outdated(at, invalid.Cert)
	}
	return passed, failed(probes.ReasonCertificateUntrusted, err.Error())
}

// outdated is the answer about a chain that only the dates of one issuer keep from being trusted.
func outdated(at time.Time, issuer *x509.Certificate) probes.Judgement {
	if at.Before(issuer.NotBefore) {
		return failed(probes.ReasonCertificateNotYetValid,
			"the issuer certificate "+DisplayName(issuer.Subject)+" is valid from "+timestamp(issuer.NotBefore))
	}
	return failed(probes.ReasonCertificateExpired,
		"the issuer certificate "+DisplayName(issuer.Subject)+" expired on "+timestamp(issuer.NotAfter))
}

// outdatedIssuer returns a certificate above the leaf that keeps the chain from being trusted by its dates alone: nil
// if there is none. One of an unknown root would not be trusted if it were valid either.
func outdatedIssuer(
	at time.Time, sent []*x509.Certificate, roots *x509.CertPool, sigs *signatures,
) *x509.Certificate {
	isOutdated := func(c *x509.Certificate) bool { return !momentOf(c, at).Equal(at) }
	if !slices.ContainsFunc(sent[1:], isOutdated) {
		return nil
	}
	original := map[*x509.Certificate]*x509.Certificate{}
	valid := []*x509.Certificate{sent[0]}
	for _, c := range sent[1:] {
		undated := *c
		undated.NotBefore, undated.NotAfter = at, at
		original[&undated], valid = c, append(valid, &undated)
	}
	chains, err := verifyAt(at, sent[0], valid, roots, sigs)
	if err != nil {
		return nil
	}
	for _, c := range chains[0] {
		if was := original[c]; was != nil && isOutdated(was) {
			return was
		}
	}
	return nil
}
