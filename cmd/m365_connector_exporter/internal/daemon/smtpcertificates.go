package daemon

import (
	"net"
	"strconv"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// smtpCertificatePaths returns a path to each server that certificate.smtp of a sender names, with the ID of the
// sender's own path. A probe of it shows the certificate that the sender presents.
func smtpCertificatePaths(cfg *config.Config, helloName string) []probes.Path {
	var paths []probes.Path
	for i := range cfg.Tenants {
		t := &cfg.Tenants[i]
		for k := range t.Senders {
			s := &t.Senders[k]
			host, port, err := net.SplitHostPort(s.Certificate.SMTP)
			if err != nil {
				continue // empty: the configuration refuses anything else
			}
			number, err := strconv.ParseUint(port, 10, 16)
			if err != nil {
				continue
			}
			settings := probes.DefaultSettings(mailflow.Outbound, mailflow.OnPremises)
			settings.Port, settings.HelloName = uint16(number), helloName
			settings.DNSServers = dnsServers(cfg.Layers(t.Name, mailflow.Inbound, s.Connector, s.Name))
			paths = append(paths, probes.Path{
				ID: evaluate.SenderPath(t.Name, s), NextHop: host, ConnectorType: mailflow.OnPremises, Settings: settings,
			})
		}
	}
	return paths
}

// shownCertificate returns the first certificate that a round recorded; nil if there is none.
func shownCertificate(r *probes.Result) *probes.TLS {
	for _, e := range r.Endpoints {
		if e.TLS != nil && len(e.TLS.Chain) > 0 {
			return e.TLS
		}
	}
	return nil
}
