package check

import (
	"fmt"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// observedCertificate is a certificate that one end of a path shows.
type observedCertificate struct {
	*probes.TLS
	path           *Path
	endpoint       *Endpoint // the server that shows it; nil for a sender's
	sender         *sender   // the sender that presents it; nil for a server's
	client         bool      // a sender presents it to Exchange Online
	exchangeOnline bool      // a host of Exchange Online shows it
	demanded       bool      // mail stops if it does not verify
	nameDemanded   bool      // mail stops if its name does not match
}

// eachCertificate visits every certificate of every path whose connector is enabled and not in test mode.
func eachCertificate(visit func(f *Facts, c observedCertificate, report func(Finding))) findFunc {
	return func(f *Facts, report func(Finding)) {
		var subject Subject
		report = withDefaultSubject(report, &subject)
		for i := range f.index.certificates {
			c := f.index.certificates[i]
			subject = Subject(c.path.ID)
			if c.client && c.sender != nil {
				visit(f, c, c.sender.atMostWarningIfAssumed(report))
			} else {
				visit(f, c, report)
			}
		}
	}
}

// appendObserved appends the certificates of a path: those that its servers show, then the one that its sender
// presents. s is nil if the sender is unknown.
func appendObserved(all []observedCertificate, f *Facts, p *Path, s *sender) []observedCertificate {
	for i := range p.Endpoints {
		if e := &p.Endpoints[i]; e.TLS != nil && len(e.TLS.Chain) > 0 && p.NotProbed == "" {
			all = append(all, serverCertificate(f, p, e))
		}
	}
	if p.Client == nil || len(p.Client.Chain) == 0 {
		return all
	}
	return append(all, observedCertificate{
		TLS: p.Client, path: p, sender: s, client: true,
		demanded: s != nil && s.connector.TLSSenderCertificateName != "",
	})
}

func serverCertificate(f *Facts, p *Path, e *Endpoint) observedCertificate {
	inbound := p.ID.Direction == mailflow.Inbound
	return observedCertificate{
		TLS: e.TLS, path: p, endpoint: e,
		exchangeOnline: inbound && mailflow.IsExchangeOnline(e.Host, f.ExchangeHosts),
		demanded:       !inbound && p.TLSSettings.RequiresTrustedChain(),
		nameDemanded:   !inbound && p.TLSSettings == mailflow.DomainValidation,
	}
}

// Name returns the host with its address, for people.
func (e *Endpoint) Name() string {
	if e.Address == "" || e.Address == e.Host {
		return e.Host
	}
	return e.Host + " (" + e.Address + ")"
}

// source names the end that shows the certificate, for evidence.
func (c observedCertificate) source() string {
	if c.endpoint == nil {
		return "the sender " + c.path.ID.Path
	}
	return c.endpoint.Name()
}

// describeLeaf describes the leaf certificate and its source, for evidence.
func (c observedCertificate) describeLeaf() string {
	leaf := c.Chain[0]
	return fmt.Sprintf("%s: the certificate for %s (serial %s)", c.source(), leaf.Subject, leaf.Serial)
}
