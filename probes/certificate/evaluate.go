package certificate

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"time"

	"m365_connector_exporter/probes"
)

// Server records and evaluates the chain that a mail server sent, leaf first. The name is compared with tlsDomain, or
// with host if tlsDomain is empty. verified is the chain from the leaf to a trusted root, nil if there is none;
// revocation is checked with it.
func (v *Verifier) Server(
	now time.Time, chain []*x509.Certificate, host, tlsDomain string,
) (t probes.TLS, verified []*x509.Certificate) {
	if len(chain) == 0 {
		return t, nil
	}
	leaf, r := chain[0], v.verify(now, chain)
	t.Chain, t.ChainNotBefore, t.ChainNotAfter = r.certificates, r.chainNotBefore, r.chainNotAfter
	t.Stores = r.stores
	t.Verdicts[probes.VerdictTime] = evaluateTime(now, leaf)
	t.Verdicts[probes.VerdictChain], t.Verdicts[probes.VerdictTrust] = r.chain, r.trust
	t.Verdicts[probes.VerdictName] = evaluateName(leaf, host, tlsDomain)
	t.Verdicts[probes.VerdictKey] = evaluateKey(leaf)
	if r.trust.Outcome == probes.Passed {
		verified = append([]*x509.Certificate{leaf}, r.issuers...)
	}
	t.Verdicts[probes.VerdictSignature] = evaluateSignature(signedBelowRoot(chain, verified))
	return t, verified
}

// Client records and evaluates the certificate that a sender presents: the chain as it would be sent, leaf first, in
// DER. There is no host name to compare with, so the name is not evaluated.
func (v *Verifier) Client(now time.Time, der [][]byte) *probes.TLS {
	var chain []*x509.Certificate
	for _, raw := range der[:min(len(der), maxSent+1)] {
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return &probes.TLS{Unparsable: probes.Sanitise(err.Error(), probes.MaxDetail)}
		}
		chain = append(chain, c)
	}
	t, _ := v.Server(now, chain, "", "")
	t.Verdicts[probes.VerdictName] = probes.Judgement{}
	if len(t.Chain) > 0 {
		t.Verdicts[probes.VerdictClientAuth] = ClientAuth(t.Chain[0])
	}
	return &t
}

// ClientAuth evaluates whether the extended key usage permits a client to use a leaf. Public CAs no longer issue
// certificates with this usage.
func ClientAuth(leaf *probes.Certificate) probes.Judgement {
	if leaf.ClientAuth {
		return probes.Judgement{Outcome: probes.Passed}
	}
	return probes.Judgement{
		Outcome: probes.Failed, Detail: "the certificate has no extended key usage clientAuth",
		Uncertain: "Microsoft has not documented whether Exchange Online requires it",
	}
}

func evaluateTime(now time.Time, leaf *x509.Certificate) probes.Judgement {
	switch {
	case now.Before(leaf.NotBefore):
		return failed(probes.ReasonCertificateNotYetValid, "valid from "+timestamp(leaf.NotBefore))
	case now.After(leaf.NotAfter):
		return failed(probes.ReasonCertificateExpired, "expired on "+timestamp(leaf.NotAfter))
	}
	return probes.Judgement{Outcome: probes.Passed, Detail: "valid until " + timestamp(leaf.NotAfter)}
}

// evaluateKey fails RSA keys of fewer than 2048 bits. Neither the key nor the signature fails a stage, so their
// judgements have no reason.
func evaluateKey(leaf *x509.Certificate) probes.Judgement {
	algorithm, bits := publicKey(leaf)
	j := probes.Judgement{Outcome: probes.Passed, Detail: fmt.Sprintf("%s %d", algorithm, bits)}
	if algorithm == "RSA" && bits < 2048 {
		j.Outcome = probes.Failed
	}
	return j
}

// signedBelowRoot returns the certificates whose signatures matter: those of the verified chain below its root, or all
// that were sent if none was verified.
func signedBelowRoot(sent, verified []*x509.Certificate) []*x509.Certificate {
	if len(verified) < 2 {
		return sent
	}
	return verified[:len(verified)-1]
}

// evaluateSignature looks for signatures with SHA-1 and MD5. The signature of a root proves nothing and is skipped.
func evaluateSignature(chain []*x509.Certificate) probes.Judgement {
	for i, c := range chain {
		if i > 0 && bytes.Equal(c.RawSubject, c.RawIssuer) {
			continue
		}
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			return failed("", DisplayName(c.Subject)+" is signed with "+c.SignatureAlgorithm.String())
		}
	}
	return probes.Judgement{Outcome: probes.Passed}
}

func failed(reason probes.Reason, detail string) probes.Judgement {
	return probes.Judgement{Outcome: probes.Failed, Reason: reason, Detail: probes.Sanitise(detail, probes.MaxDetail)}
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
