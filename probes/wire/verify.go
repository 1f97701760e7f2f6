package wire

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// judged is what a sent chain says, and the way from its leaf to a trusted root, where there is one.
type judged struct {
	probes.TLS
	verified []*x509.Certificate
}

// judge records a sent chain and asks each question of it apart: an expired certificate still has its trust, name and key judged.
func judge(now time.Time, chain []*x509.Certificate, host, tlsDomain string, roots *x509.CertPool) judged {
	return judgeWith(now, chain, host, tlsDomain, judgeSignatures(now, chain, roots))
}

func judgeWith(now time.Time, chain []*x509.Certificate, host, tlsDomain string, s *signatures) judged {
	var t judged
	for _, c := range chain[:min(len(chain), probes.MaxChain)] {
		t.Chain = append(t.Chain, facts(c))
	}
	if len(chain) == 0 {
		return t
	}
	leaf := chain[0]
	if s.trust.Outcome == probes.Passed {
		t.verified = append([]*x509.Certificate{leaf}, s.issuers...)
	}
	t.Verdicts[probes.VerdictTime] = judgeTime(now, leaf)
	t.Verdicts[probes.VerdictChain], t.Verdicts[probes.VerdictTrust] = s.whole, s.trust
	t.Verdicts[probes.VerdictName] = judgeName(leaf, host, tlsDomain)
	t.Verdicts[probes.VerdictKey] = judgeKey(leaf)
	t.Verdicts[probes.VerdictSignature] = judgeSignature(chain)
	t.ChainNotBefore, t.ChainNotAfter = s.chainNotBefore, s.chainNotAfter
	return t
}

// judgeSignatures looks for the way from the leaf to a trusted root.
func judgeSignatures(now time.Time, chain []*x509.Certificate, roots *x509.CertPool) *signatures {
	now = now.Round(0) // by the clock on the wall: by the monotonic one what is remembered would outlive a jump
	s := &signatures{from: now.Add(-verdictFor), to: now.Add(verdictFor)}
	if len(chain) == 0 {
		return s
	}
	s.holds(now, chain)
	chains, forgiven, err := verifyInside(now, chain, roots)
	for _, c := range chains {
		s.holds(now, c)
	}
	if len(chains) > 0 {
		s.issuers = slices.Clone(chains[0][1:]) // without the leaf: there are many of them
	}
	s.whole, s.trust = judgeTrust(chain, err)
	if forgiven && err == nil {
		s.trust.Uncertain = uncertainSHA1
	}
	s.chainNotBefore, s.chainNotAfter = chainBounds(chains, chain)
	return s
}

func judgeTime(now time.Time, leaf *x509.Certificate) probes.Judgement {
	switch {
	case now.Before(leaf.NotBefore):
		return probes.Judgement{Outcome: probes.Failed, Reason: probes.ReasonCertificateNotYetValid, Detail: "valid from " + day(leaf.NotBefore)}
	case now.After(leaf.NotAfter):
		return probes.Judgement{Outcome: probes.Failed, Reason: probes.ReasonCertificateExpired, Detail: "expired on " + day(leaf.NotAfter)}
	}
	return probes.Judgement{Outcome: probes.Passed, Detail: "valid until " + day(leaf.NotAfter)}
}

func day(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// uncertainSHA1: what signatures are worth has a verdict of its own.
const uncertainSHA1 = "Microsoft has not documented whether Exchange Online takes a certificate signed with SHA-1"

// verifyInside verifies at a moment inside the leaf's validity, with the sent intermediates only. It forgives SHA-1, which the library
// does not.
func verifyInside(now time.Time, chain []*x509.Certificate, roots *x509.CertPool) (chains [][]*x509.Certificate, forgiven bool, err error) {
	leaf, at := chain[0], now
	if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	}
	if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore
	}
	sent := chain[:min(len(chain), probes.MaxChain)]
	if chains, err = verifyAt(at, leaf, sent, roots); err == nil {
		return chains, false, nil
	}
	below, next := climbSHA1(at, sent)
	if len(below) == 0 {
		return nil, false, err
	}
	if chains, err = verifyAt(at, next, sent, roots); err != nil {
		return nil, true, err
	}
	for i, above := range chains {
		chains[i] = append(slices.Clone(below), above...)
	}
	return chains, true, nil
}

func verifyAt(at time.Time, c *x509.Certificate, sent []*x509.Certificate, roots *x509.CertPool) ([][]*x509.Certificate, error) {
	between := x509.NewCertPool()
	for _, one := range sent[1:] {
		between.AddCert(one)
	}
	return c.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
}

// climbSHA1 takes the certificates from the leaf up to the last one that is signed with SHA-1, and the one that signed it. All of them
// must have been sent.
func climbSHA1(at time.Time, sent []*x509.Certificate) (below []*x509.Certificate, next *x509.Certificate) {
	var climbed []*x509.Certificate
	for c := sent[0]; len(climbed) < len(sent) && !selfSigned(c); {
		above := issuerOf(c, sent[1:])
		if above == nil || !above.IsCA || at.Before(above.NotBefore) || at.After(above.NotAfter) {
			break
		}
		if above.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
			break // by MD5, which issuerOf takes on trust
		}
		climbed = append(climbed, c)
		if isSHA1(c) {
			below, next = slices.Clone(climbed), above
		}
		c = above
	}
	return below, next
}

func isSHA1(c *x509.Certificate) bool {
	return c.SignatureAlgorithm == x509.SHA1WithRSA || c.SignatureAlgorithm == x509.ECDSAWithSHA1
}

// judgeTrust tells a chain with a hole from one that ends at an unknown root. With a hole, trust cannot be judged. A leaf whose
// issuer is an unknown root that was not sent looks like one with a hole: roots need not be sent, and nothing is fetched here.
func judgeTrust(chain []*x509.Certificate, err error) (whole, trust probes.Judgement) {
	passed := probes.Judgement{Outcome: probes.Passed}
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return passed, passed
	case errors.As(err, &unknown) && !selfSigned(chain[0]) && issuerOf(chain[0], chain[1:]) == nil:
		return probes.Judgement{
			Outcome: probes.Failed, Reason: probes.ReasonCertificateChainIncomplete,
			Detail: probes.Sanitise("the issuer was not sent: "+nameOf(chain[0].Issuer)+" (an intermediate of a trusted root, or an unknown root: that cannot be told without fetching it)", maxDetail),
		}, probes.Judgement{}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return passed, probes.Judgement{Outcome: probes.Failed, Reason: probes.ReasonCertificateExpired, Detail: "in the chain: " + probes.Sanitise(err.Error(), maxDetail-16)}
	}
	return passed, probes.Judgement{Outcome: probes.Failed, Reason: probes.ReasonCertificateUntrusted, Detail: probes.Sanitise(err.Error(), maxDetail)}
}

// issuerOf finds whose key signed c. A signature by MD5 is not checked any more: there the name decides.
func issuerOf(c *x509.Certificate, among []*x509.Certificate) *x509.Certificate {
	for _, i := range among[:min(len(among), probes.MaxChain)] {
		if !bytes.Equal(i.RawSubject, c.RawIssuer) {
			continue
		}
		err := i.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
		var insecure x509.InsecureAlgorithmError
		if err == nil || errors.As(err, &insecure) {
			return i
		}
	}
	return nil
}

// judgeKey and judgeSignature fail no stage, so the closed list of reasons has none for them: checks speak of them.
func judgeKey(leaf *x509.Certificate) probes.Judgement {
	algorithm, bits := keyOf(leaf)
	j := probes.Judgement{Outcome: probes.Passed, Detail: fmt.Sprintf("%s %d", algorithm, bits)}
	if algorithm == "RSA" && bits < 2048 {
		j.Outcome = probes.Failed
	}
	return j
}

// judgeSignature looks for SHA-1 and MD5 below the root; a root's own signature proves nothing and is not judged.
func judgeSignature(chain []*x509.Certificate) probes.Judgement {
	for i, c := range chain[:min(len(chain), probes.MaxChain)] {
		if i > 0 && bytes.Equal(c.RawSubject, c.RawIssuer) {
			continue
		}
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			return probes.Judgement{Outcome: probes.Failed, Detail: nameOf(c.Subject) + " is signed with " + c.SignatureAlgorithm.String()}
		}
	}
	return probes.Judgement{Outcome: probes.Passed}
}

// chainBounds finds when the certificates above the leaf end: those of the verifying chain that lasts longest, without its root,
// or, where none verifies, the sent ones that sign another sent one.
func chainBounds(chains [][]*x509.Certificate, sent []*x509.Certificate) (from, to time.Time) {
	for _, c := range chains {
		if len(c) < 3 {
			return time.Time{}, time.Time{} // the root signs the leaf: nothing above it can end first
		}
		if f, t := bounds(c[1 : len(c)-1]); t.After(to) {
			from, to = f, t
		}
	}
	if len(chains) > 0 {
		return from, to
	}
	var used []*x509.Certificate
	sent = sent[:min(len(sent), probes.MaxChain)]
	for _, c := range sent {
		if i := issuerOf(c, sent); i != nil && !i.Equal(c) && !i.Equal(sent[0]) && !selfSigned(i) {
			used = append(used, i)
		}
	}
	return bounds(used)
}

func bounds(certs []*x509.Certificate) (from, to time.Time) {
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
