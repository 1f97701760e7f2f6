package smtpprobe

import (
	"net/netip"
	"strings"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func TestRevocationFailsTheStageOnlyIfTrustIsRequired(t *testing.T) {
	l := certtest.NewCRLServer(t)
	l.Serve("/inter.crl", certtest.SignCRL(t, l.Inter, certtest.Revoke(l.LeafCert, 4)))
	at, _ := serve(t, healthy(certtest.ServerConfig(l.LeafCert, l.Inter)))
	for _, tt := range []struct {
		enabled  bool
		settings mailflow.TLSSettings
		stage    probes.Reason
		verdict  probes.Outcome
	}{
		{true, mailflow.DomainValidation, probes.ReasonCertificateRevoked, probes.Failed},
		{true, mailflow.CertificateValidation, probes.ReasonCertificateRevoked, probes.Failed},
		{true, mailflow.EncryptionOnly, "", probes.Failed},
		{false, mailflow.CertificateValidation, "", probes.NotReached},
	} {
		w := New(Options{Roots: l.Roots, AllowNetworks: loopback, CheckRevocation: tt.enabled})
		ep := probeOne(t, w, testPath(at, probes.TLSStage, tt.settings))
		verdict := ep.TLS.Verdicts[probes.VerdictRevocation]
		if ep.Steps[probes.TLSStage].Reason != tt.stage || verdict.Outcome != tt.verdict {
			t.Errorf("%+v: %+v, %+v", tt, ep.Steps[probes.TLSStage], verdict)
		}
	}
}

func TestUnknownRevocationIsInTheDetail(t *testing.T) {
	l := certtest.NewCRLServer(t)
	at, _ := serve(t, healthy(certtest.ServerConfig(l.LeafCert, l.Inter)))
	w := New(Options{Roots: l.Roots, AllowNetworks: loopback, CheckRevocation: true})
	step := probeOne(t, w, testPath(at, probes.TLSStage, mailflow.CertificateValidation)).Steps[probes.TLSStage]
	if step.Outcome != probes.Passed || !strings.Contains(step.Detail, "revocation not known: leaf: http://") ||
		!strings.Contains(step.Detail, "404") {
		t.Errorf("%+v", step)
	}
}
