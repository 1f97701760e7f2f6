package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
)

func TestMicrosoftRoot(t *testing.T) {
	ca := certtest.New(t)
	chain := []*x509.Certificate{ca.Leaf(t, "contoso-com.mail.protection.outlook.com").Cert, ca.Inter.Cert}
	if got := MicrosoftRoot(time.Now(), chain); got.Outcome != probes.Failed || got.Detail == "" {
		t.Errorf("another root's chain: %+v", got)
	}
	if got := MicrosoftRoot(time.Now(), nil); got.Outcome != probes.NotReached {
		t.Errorf("no chain: %+v", got)
	}
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	if HasGlobalRootG2(ca.Roots, now) || HasGlobalRootG2(nil, now) {
		t.Error("found in a pool without it")
	}
	if !HasGlobalRootG2(microsoftRoots(), now) {
		t.Error("not found in a pool with it")
	}
}

func TestClient(t *testing.T) {
	ca := certtest.New(t)
	server := certtest.Issue(t, ca.Inter, x509.Certificate{
		Subject: pkix.Name{CommonName: "edge.contoso.com"}, DNSNames: []string{"edge.contoso.com"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	for name, c := range map[string]struct {
		raw               [][]byte
		chain, clientAuth probes.Outcome
		unparsable        bool
	}{
		"whole chain": {
			[][]byte{ca.Leaf(t, "edge.contoso.com").Cert.Raw, ca.Inter.Cert.Raw},
			probes.Passed,
			probes.Passed, false,
		},
		"leaf alone":       {[][]byte{ca.Leaf(t, "edge.contoso.com").Cert.Raw}, probes.Failed, probes.Passed, false},
		"serverAuth alone": {[][]byte{server.Cert.Raw, ca.Inter.Cert.Raw}, probes.Passed, probes.Failed, false},
		"nothing":          {nil, probes.NotReached, probes.NotReached, false},
		"rubbish":          {[][]byte{{1, 2, 3}}, probes.NotReached, probes.NotReached, true},
	} {
		got := NewVerifier(ca.Roots).Client(time.Now(), c.raw)
		if got.Verdicts[probes.VerdictChain].Outcome != c.chain ||
			got.Verdicts[probes.VerdictClientAuth].Outcome != c.clientAuth || (got.Unparsable != "") != c.unparsable {
			t.Errorf("%s: %+v", name, got.Verdicts)
		}
		if got.Verdicts[probes.VerdictName].Outcome != probes.NotReached {
			t.Errorf("%s: a name was compared without a host", name)
		}
	}
}
