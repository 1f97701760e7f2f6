package smtpprobe

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// An address is a host without brackets; the certificate must contain it, and SNI must not.
func TestAddressAsHost(t *testing.T) {
	ca := certtest.New(t)
	leaf := certtest.Issue(t, ca.Inter, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	cfg := certtest.ServerConfig(leaf, ca.Inter)
	cfg.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if h.ServerName != "" {
			t.Errorf("server name %q", h.ServerName)
		}
		return nil, nil //nolint:nilnil // as crypto/tls wants it
	}
	at, _ := serve(t, healthy(cfg))
	for hop, host := range map[string]string{
		"[127.0.0.1]": "127.0.0.1", "127.0.0.1": "127.0.0.1",
		"127.0.0.1/32": "127.0.0.1/32",
	} {
		p := testPath(at, probes.TLSStage, mailflow.DomainValidation)
		p.NextHop, p.Settings.ConnectTo = hop, nil
		ep := probeOne(t, testProber(ca.Roots), p)
		if ep.Host != host || ep.Outcome(probes.TLSStage) != probes.Passed {
			t.Errorf("%s: host %q, %+v", hop, ep.Host, ep.Steps)
		}
	}
}
