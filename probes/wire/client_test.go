package wire

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// The sender's certificate goes to Exchange Online and to nobody else, and only where the path says so.
func TestClientCertificate(t *testing.T) {
	ca := newPKI(t)
	own := ca.leaf(t, "edge.contoso.com")
	pair := serverConfig(own, ca.inter).Certificates[0]
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, c := range map[string]struct {
			present   bool
			hosts     []string
			trusting  bool
			presented bool
			reason    probes.Reason
		}{
			"to Exchange Online":                {true, []string{"mail.test"}, true, true, ""},
			"to somebody else":                  {true, []string{"other.test"}, true, false, probes.ReasonClientCertificateRequired},
			"not told to":                       {false, []string{"mail.test"}, true, false, probes.ReasonClientCertificateRequired},
			"the server does not know its root": {true, []string{"mail.test"}, false, true, probes.ReasonClientCertificateUntrusted},
		} {
			t.Run(tls.VersionName(version)+" "+name, func(t *testing.T) {
				cfg := serverConfig(ca.leaf(t, "mail.test"), ca.inter)
				cfg.ClientAuth, cfg.MaxVersion, cfg.ClientCAs = tls.RequireAndVerifyClientCert, version, x509.NewCertPool()
				if c.trusting {
					cfg.ClientAuth = tls.RequireAnyClientCert // as Exchange Online: the usage clientAuth is not asked for
				}
				at, _ := serve(t, healthy(cfg))
				w := testProber(ca.roots)
				w.resolver.exoHosts = c.hosts
				w.opts.ClientCertificate = func(probes.PathID) *tls.Certificate { return &pair }
				p := testPath(at, probes.TLSStage, mailflow.EncryptionOnly)
				p.Kind, p.UseClientCertificate, p.ID.Direction = probes.NextHopSender, c.present, mailflow.Inbound
				e := probeOne(t, w, p)
				if got := e.Steps[probes.TLSStage]; got.Reason != c.reason {
					t.Errorf("reason %q (%s), want %q", got.Reason, got.Detail, c.reason)
				}
				if e.TLS == nil || !e.TLS.CertificateRequested || e.TLS.ClientCertificateSent != c.presented {
					t.Errorf("TLS %+v, want presented %v", e.TLS, c.presented)
				}
			})
		}
	}
}

func TestMicrosoftRoot(t *testing.T) {
	ca := newPKI(t)
	chain := []*x509.Certificate{ca.leaf(t, "contoso-com.mail.protection.outlook.com").cert, ca.inter.cert}
	if got := judgeMicrosoftRoot(time.Now(), chain); got.Outcome != probes.Failed || got.Detail == "" {
		t.Errorf("a stranger's chain: %+v", got)
	}
	if got := judgeMicrosoftRoot(time.Now(), nil); got.Outcome != probes.NotReached {
		t.Errorf("no chain: %+v", got)
	}
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	if HasGlobalRootG2(ca.roots, now) || HasGlobalRootG2(nil, now) {
		t.Error("found where it is not")
	}
	if !HasGlobalRootG2(microsoftRoots(), now) {
		t.Error("not found where it is")
	}
}

func TestJudgeClient(t *testing.T) {
	ca := newPKI(t)
	server := issue(t, ca.inter, x509.Certificate{
		Subject: pkix.Name{CommonName: "edge.contoso.com"}, DNSNames: []string{"edge.contoso.com"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	for name, c := range map[string]struct {
		raw               [][]byte
		chain, clientAuth probes.Outcome
		unparsable        bool
	}{
		"whole chain":      {[][]byte{ca.leaf(t, "edge.contoso.com").cert.Raw, ca.inter.cert.Raw}, probes.Passed, probes.Passed, false},
		"leaf alone":       {[][]byte{ca.leaf(t, "edge.contoso.com").cert.Raw}, probes.Failed, probes.Passed, false},
		"serverAuth alone": {[][]byte{server.cert.Raw, ca.inter.cert.Raw}, probes.Passed, probes.Failed, false},
		"nothing":          {nil, probes.NotReached, probes.NotReached, false},
		"rubbish":          {[][]byte{{1, 2, 3}}, probes.NotReached, probes.NotReached, true},
	} {
		got := JudgeClient(time.Now(), c.raw, ca.roots)
		if got.Verdicts[probes.VerdictChain].Outcome != c.chain || got.Verdicts[probes.VerdictClientAuth].Outcome != c.clientAuth || (got.Unparsable != "") != c.unparsable {
			t.Errorf("%s: %+v", name, got.Verdicts)
		}
		if got.Verdicts[probes.VerdictName].Outcome != probes.NotReached {
			t.Errorf("%s: there is no host to compare a name with", name)
		}
	}
}
