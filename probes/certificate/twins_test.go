package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// A chain has one reason, whatever the order in which its certificates are sent: that which remains if everything else
// is repaired.
func TestOutdatedIssuers(t *testing.T) {
	public, private := certtest.New(t), certtest.New(t)
	now := time.Now()
	twin := func(p certtest.PKI, from, to time.Duration) *x509.Certificate {
		return certtest.IssueFor(t, p.Root, p.Inter, x509.Certificate{
			Subject: pkix.Name{CommonName: "Inter"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
			NotBefore: now.Add(from), NotAfter: now.Add(to),
		})
	}
	const day = 24 * time.Hour
	expired, early := twin(public, -90*day, -day), twin(public, day, 90*day)
	foreign := twin(private, -90*day, -day)
	leaf, foreignLeaf := public.Leaf(t, "mail.test").Cert, private.Leaf(t, "mail.test").Cert
	for _, tt := range []struct {
		name   string
		leaf   *x509.Certificate
		others []*x509.Certificate
		chain  probes.Reason
		trust  probes.Reason
		issuer bool // an issuer is outdated
	}{
		{"current", leaf, []*x509.Certificate{public.Inter.Cert}, "", "", false},
		{"current and expired twin", leaf, []*x509.Certificate{public.Inter.Cert, expired}, "", "", false},
		{"expired", leaf, []*x509.Certificate{expired}, "", probes.ReasonCertificateExpired, true},
		{
			"expired, root sent", leaf,
			[]*x509.Certificate{expired, public.Root.Cert},
			"", probes.ReasonCertificateExpired,
			true,
		},
		{"not yet valid", leaf, []*x509.Certificate{early}, "", probes.ReasonCertificateNotYetValid, true},
		{
			"private", foreignLeaf,
			[]*x509.Certificate{private.Inter.Cert, private.Root.Cert},
			"",
			probes.ReasonCertificateUntrusted, false,
		},
		{
			"private and expired twin", foreignLeaf,
			[]*x509.Certificate{private.Inter.Cert, foreign},
			"",
			probes.ReasonCertificateUntrusted, false,
		},
		{
			"private, expired alone", foreignLeaf,
			[]*x509.Certificate{foreign, private.Root.Cert},
			"",
			probes.ReasonCertificateUntrusted, false,
		},
		{
			"private, expired twin, root", foreignLeaf,
			[]*x509.Certificate{private.Inter.Cert, foreign, private.Root.Cert},
			"", probes.ReasonCertificateUntrusted, false,
		},
		{"nothing else", leaf, nil, probes.ReasonCertificateChainIncomplete, "", false},
		{"an expired stranger", leaf, []*x509.Certificate{foreign}, probes.ReasonCertificateChainIncomplete, "", false},
	} {
		for _, others := range [][]*x509.Certificate{tt.others, reversed(tt.others)} {
			seen, _ := NewVerifier(public.Roots).Server(now, append([]*x509.Certificate{tt.leaf}, others...), "mail.test", "")
			chain, trust := seen.Verdicts[probes.VerdictChain], seen.Verdicts[probes.VerdictTrust]
			if chain.Reason != tt.chain || trust.Reason != tt.trust {
				t.Errorf("%s: chain %+v, trust %+v", tt.name, chain, trust)
			}
			step := TLSStage(mailflow.CertificateValidation, &seen)
			if (step.Evidence == probes.EvidenceIssuerOutdated) != tt.issuer ||
				tt.issuer && !strings.Contains(step.Detail, "Inter ") {
				t.Errorf("%s: %+v", tt.name, step)
			}
			if slices.Contains(tt.others, private.Inter.Cert) && seen.ChainNotAfter.Before(now) {
				t.Errorf("%s: the chain ends on %v", tt.name, seen.ChainNotAfter)
			}
		}
	}
}

func reversed(all []*x509.Certificate) []*x509.Certificate {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}
