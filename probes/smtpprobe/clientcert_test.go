package smtpprobe

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

func TestClientCertificateIsSentToExchangeOnlineOnly(t *testing.T) {
	ca := certtest.New(t)
	own := ca.Leaf(t, "edge.contoso.com")
	pair := certtest.ServerConfig(own, ca.Inter).Certificates[0]
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, c := range map[string]struct {
			present   bool
			hosts     []string
			trusting  bool
			presented bool
			reason    probes.Reason
		}{
			"to Exchange Online": {true, []string{"mail.test"}, true, true, ""},
			"to another host": {
				true,
				[]string{"other.test"},
				true, false,
				probes.ReasonClientCertificateRequired,
			},
			"not configured": {
				false,
				[]string{"mail.test"},
				true, false,
				probes.ReasonClientCertificateRequired,
			},
			"the server does not know its root": {
				true,
				[]string{"mail.test"},
				false, true,
				probes.ReasonClientCertificateUntrusted,
			},
		} {
			t.Run(tls.VersionName(version)+" "+name, func(t *testing.T) {
				cfg := certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter)
				cfg.ClientAuth, cfg.MaxVersion, cfg.ClientCAs = tls.RequireAndVerifyClientCert, version, x509.NewCertPool()
				if c.trusting {
					cfg.ClientAuth = tls.RequireAnyClientCert // as Exchange Online: the usage clientAuth is not asked for
				}
				at, _ := serve(t, healthy(cfg))
				w := testProber(ca.Roots)
				w.opts.ExchangeOnlineHosts = c.hosts
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
