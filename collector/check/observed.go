package check

import (
	"fmt"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// observedCertificate is a certificate as one end of a path shows it.
type observedCertificate struct {
	*probes.TLS
	path           *Path
	endpoint       *Endpoint // that shows it; nil for a sender's
	sender         *sender   // that presents it; nil for a server's
	client         bool      // a sender presents it to Exchange Online
	exchangeOnline bool      // Exchange Online's own host shows it
	demanded       bool      // mail stops where it does not verify
	nameDemanded   bool      // and where it bears another name
}

// eachCertificate asks a question of every certificate of every path whose connector is not muted.
func eachCertificate(visit func(f *Facts, p *Path, c observedCertificate, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		var subject Subject
		report = withDefaultSubject(report, &subject)
		for i := range f.index.certificates {
			c := f.index.certificates[i]
			subject = Subject(c.path.ID)
			if c.client && c.sender != nil {
				visit(f, c.path, c, c.sender.atMostWarningIfAssumed(report))
			} else {
				visit(f, c.path, c, report)
			}
		}
	}
}

// appendObserved adds the certificates of a path: those that its servers show, then what its sender presents. s is nil where the sender is
// not known.
func appendObserved(all []observedCertificate, f *Facts, p *Path, s *sender) []observedCertificate {
	for i := range p.Endpoints {
		if e := &p.Endpoints[i]; e.TLS != nil && len(e.TLS.Chain) > 0 && p.NotProbed == "" {
			all = append(all, serverCertificate(f, p, e))
		}
	}
	if p.Client == nil || len(p.Client.Chain) == 0 {
		return all
	}
	return append(all, observedCertificate{TLS: p.Client, path: p, sender: s, client: true, demanded: s != nil && s.connector.TLSSenderCertificateName != ""})
}

func serverCertificate(f *Facts, p *Path, e *Endpoint) observedCertificate {
	inbound := p.ID.Direction == mailflow.Inbound
	return observedCertificate{
		TLS: e.TLS, path: p, endpoint: e, exchangeOnline: inbound && mailflow.IsExchangeOnline(e.Host, f.ExchangeHosts),
		demanded: !inbound && p.TLSSettings.RequiresTrustedChain(), nameDemanded: !inbound && p.TLSSettings == mailflow.DomainValidation,
	}
}

func (e *Endpoint) name() string {
	if e.Address == "" || e.Address == e.Host {
		return e.Host
	}
	return e.Host + " (" + e.Address + ")"
}

// source is where the certificate was seen, for evidence.
func (c observedCertificate) source() string {
	if c.endpoint == nil {
		return "the sender " + c.path.ID.Path
	}
	return c.endpoint.name()
}

// describeLeaf names the certificate for evidence.
func (c observedCertificate) describeLeaf() string {
	leaf := c.Chain[0]
	return fmt.Sprintf("%s: the certificate for %s (serial %s)", c.source(), leaf.Subject, leaf.Serial)
}
