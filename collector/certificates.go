package collector

import (
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// The roles of a certificate, as label values.
const (
	RoleServer = "server" // the peer shows it
	RoleClient = "client" // a sender presents it to Exchange Online
)

// Certificate is a certificate in use: one that an endpoint of a path shows, or that the path's sender presents.
type Certificate struct {
	Path          *PathState
	Role          string
	Host, Address string          // the endpoint that shows it; empty for a sender's
	TLS           *probes.TLS     // Chain is not empty
	NotAfter      time.Time       // when the leaf or an issuer certificate expires, whichever is first
	Expiry        check.Severity  // of how soon that is; Off if it is not soon or Microsoft's to renew
	Microsoft     bool            // a host of Exchange Online shows it
	Renewals      []check.Renewal // that were seen at this endpoint, or of this sender's certificate
}

// Leaf returns the certificate itself.
func (c *Certificate) Leaf() *probes.Certificate { return c.TLS.Chain[0] }

// Certificates returns the certificates of the paths at the time now, in the order of the paths.
func (s *Snapshot) Certificates(paths []*PathState, now time.Time) []Certificate {
	report := s.report()
	var all []Certificate
	for _, p := range paths {
		for i := range p.Endpoints {
			e := &p.Endpoints[i]
			if e.TLS == nil || len(e.TLS.Chain) == 0 {
				continue
			}
			microsoft := p.Path.ID.Direction == mailflow.Inbound && report.IsExchangeOnline(e.Host)
			c := Certificate{
				Path: p, Role: RoleServer, Host: e.Host, Address: e.Address, TLS: e.TLS, NotAfter: firstEnd(e.TLS),
				Microsoft: microsoft, Renewals: p.renewalsOf(EndpointKey{e.Host, e.Address}),
			}
			if !microsoft {
				demanded := p.Path.ID.Direction == mailflow.Outbound && p.Path.TLSSettings.RequiresTrustedChain()
				c.Expiry = report.Expiry(e.TLS, demanded, now)
			}
			all = append(all, c)
		}
		if client := report.Clients[p.Path.ID]; client != nil && len(client.Chain) > 0 {
			// The name is judged if the connector requires one.
			all = append(all, Certificate{
				Path: p, Role: RoleClient, TLS: client, NotAfter: firstEnd(client), Renewals: p.renewalsOf(EndpointKey{}),
				Expiry: report.Expiry(client, client.Verdicts[probes.VerdictName].Evaluated(), now),
			})
		}
	}
	return all
}

// firstEnd returns when the first certificate of a chain expires, without its root.
func firstEnd(t *probes.TLS) time.Time {
	end := t.Chain[0].NotAfter
	if !t.ChainNotAfter.IsZero() && (end.IsZero() || t.ChainNotAfter.Before(end)) {
		end = t.ChainNotAfter
	}
	return end
}
