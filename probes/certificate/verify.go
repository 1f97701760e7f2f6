package certificate

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// Verifier verifies chains with one pool of roots, and with other stores for information. It remembers the results:
// hundreds of paths may lead to one host, which presents the same chain for weeks. It is safe for concurrent use.
type Verifier struct {
	roots  *x509.CertPool
	stores []Store
	cache  cache
}

// NewVerifier returns a Verifier that trusts roots; nil means the system's. The stores are for information only.
func NewVerifier(roots *x509.CertPool, stores ...Store) *Verifier {
	return &Verifier{roots: roots, stores: stores}
}

// maxAge bounds how long the result of a verification is reused: it also depends on certificates that were not sent,
// such as a root that becomes valid.
const maxAge = time.Hour

// verification is the result of verifying a chain. It is valid until a certificate of the chain begins or ends.
type verification struct {
	from, to                      time.Time // the verification is valid after from and before to
	certificates                  []*probes.Certificate
	chain, trust                  probes.Judgement
	chainNotBefore, chainNotAfter time.Time // as in probes.TLS
	// issuers are the certificates above the leaf, up to a trusted root; none if the chain is not trusted. The leaf is
	// not kept: there are many leaves, but few issuers.
	issuers []*x509.Certificate
	stores  []probes.StoreVerdict
}

// verify returns the verification of a chain that is valid at now, from the cache if possible.
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

// limitReached returns the judgement on a chain that is too costly to verify.
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

// verifyWithinValidity verifies at the time closest to now at which the leaf is valid, with the intermediates that were
// sent. Unlike crypto/x509 it accepts SHA-1 signatures; forgiven reports whether it met any.
func verifyWithinValidity(
	now time.Time, sent []*x509.Certificate, roots *x509.CertPool, sigs *signatures,
) (chains [][]*x509.Certificate, forgiven bool, err error) {
	leaf, at := sent[0], closestValid(sent[0], now)
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

// closestValid returns the time closest to now at which a certificate is valid.
func closestValid(c *x509.Certificate, now time.Time) time.Time {
	switch {
	case now.Before(c.NotBefore):
		return c.NotBefore
	case now.After(c.NotAfter):
		return c.NotAfter
	}
	return now
}

// verifyAt returns the chains from c to a trusted root at a given time.
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

// uncertainSHA1 is what is uncertain about a chain that is trusted only if SHA-1 is accepted.
const uncertainSHA1 = "Microsoft has not documented whether Exchange Online accepts a certificate signed with SHA-1"

// upToSHA1 returns the certificates from the leaf up to the last one that is signed with SHA-1, and the issuer of that
// one. All of them must have been sent.
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

// evaluateTrust distinguishes an incomplete chain, of which trust cannot be evaluated, from one that ends at an unknown
// root. If the issuer of the leaf was not sent, it may be a missing intermediate or an unknown root, since servers need
// not send roots: the chain counts as incomplete.
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
	at := closestValid(sent[0], now)
	if issuer := outdatedIssuer(at, sent, roots, sigs); issuer != nil {
		return passed, outdated(at, issuer)
	}
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired && !slices.ContainsFunc(sent, invalid.Cert.Equal) {
		return passed, outdated(at, invalid.Cert)
	}
	return passed, failed(probes.ReasonCertificateUntrusted, err.Error())
}

// outdated returns the judgement on a chain that would be trusted but for the dates of one issuer.
func outdated(at time.Time, issuer *x509.Certificate) probes.Judgement {
	if at.Before(issuer.NotBefore) {
		return failed(probes.ReasonCertificateNotYetValid,
			"the issuer certificate "+DisplayName(issuer.Subject)+" is valid from "+timestamp(issuer.NotBefore))
	}
	return failed(probes.ReasonCertificateExpired,
		"the issuer certificate "+DisplayName(issuer.Subject)+" expired on "+timestamp(issuer.NotAfter))
}

// outdatedIssuer returns the certificate above the leaf whose dates are the only reason why the chain is not trusted,
// nil if there is none.
func outdatedIssuer(
	at time.Time, sent []*x509.Certificate, roots *x509.CertPool, sigs *signatures,
) *x509.Certificate {
	isOutdated := func(c *x509.Certificate) bool { return !closestValid(c, at).Equal(at) }
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
