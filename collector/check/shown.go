package check

import (
	"fmt"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// shown is a certificate as one end of a path shows it.
type shown struct {
	*probes.TLS
	path     *Path
	endpoint *Endpoint // that shows it; nil for a sender's
	sender   *sender   // that presents it; nil for a server's
	client   bool      // a sender presents it to Exchange Online
	exchange bool      // Exchange Online's own host shows it
	demanded bool      // mail stops where it does not verify
	named    bool      // and where it bears another name
}

// eachCertificate asks a question of every certificate of every path whose connector is not muted.
func eachCertificate(ask func(f *Facts, p *Path, c shown, report func(Finding))) func(*Facts, func(Finding)) {
	return func(f *Facts, report func(Finding)) {
		var subject Subject
		tell := about(report, &subject)
		for i := range f.known.certificates {
			c := f.known.certificates[i]
			subject = Subject(c.path.ID)
			if c.client && c.sender != nil {
				ask(f, c.path, c, c.sender.limit(tell))
			} else {
				ask(f, c.path, c, tell)
			}
		}
	}
}

// appendShown adds the certificates of a path: those that its servers show, then what its sender presents. s is nil where the sender is
// not known.
func appendShown(all []shown, f *Facts, p *Path, s *sender) []shown {
	for i := range p.Endpoints {
		if e := &p.Endpoints[i]; e.TLS != nil && len(e.TLS.Chain) > 0 && p.NotProbed == "" {
			all = append(all, serverShows(f, p, e))
		}
	}
	if p.Client == nil || len(p.Client.Chain) == 0 {
		return all
	}
	return append(all, shown{TLS: p.Client, path: p, sender: s, client: true, demanded: s != nil && s.connector.TLSSenderCertificateName != ""})
}

func serverShows(f *Facts, p *Path, e *Endpoint) shown {
	inbound := p.ID.Direction == mailflow.Inbound
	return shown{
		TLS: e.TLS, path: p, endpoint: e, exchange: inbound && mailflow.IsExchangeOnline(e.Host, f.ExchangeHosts),
		demanded: !inbound && p.TLSSettings.DemandsTrust(), named: !inbound && p.TLSSettings == mailflow.DomainValidation,
	}
}

func (e *Endpoint) name() string {
	if e.Address == "" || e.Address == e.Host {
		return e.Host
	}
	return e.Host + " (" + e.Address + ")"
}

// at is where the certificate was seen, for evidence.
func (c shown) at() string {
	if c.endpoint == nil {
		return "the sender " + c.path.ID.Path
	}
	return c.endpoint.name()
}

// leaf names the certificate for evidence.
func (c shown) leaf() string {
	leaf := c.Chain[0]
	return fmt.Sprintf("%s: the certificate for %s (serial %s)", c.at(), leaf.Subject, leaf.Serial)
}
