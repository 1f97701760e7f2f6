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
	client   bool      // a sender presents it to Exchange Online
	exchange bool      // Exchange Online's own host shows it
	demanded bool      // mail stops where it does not verify
	named    bool      // and where it bears another name
}

// eachCertificate asks a question of every certificate of every path whose connector is not muted.
func eachCertificate(ask func(f *Facts, p *Path, c shown, report func(Finding))) func(*Facts, func(Finding)) {
	return eachPath(func(f *Facts, p *Path, report func(Finding)) {
		for i := range p.Endpoints {
			if e := &p.Endpoints[i]; e.TLS != nil && len(e.TLS.Chain) > 0 && p.NotProbed == "" {
				ask(f, p, serverShows(f, p, e), report)
			}
		}
		if p.Client == nil || len(p.Client.Chain) == 0 {
			return
		}
		c := shown{TLS: p.Client, path: p, client: true}
		if s, ok := f.sender(p); ok {
			c.demanded = s.connector.TLSSenderCertificateName != ""
			report = s.limit(report)
		}
		ask(f, p, c, report)
	})
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
