package wire

import (
	"context"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// MX asks where a domain's mail goes: its MX hosts, best first; none for a null MX (RFC 7505) or a name without MX records. ok is
// false where nothing was learned: no server answered, or the answer is not to be trusted. servers are host:port; none means the
// system's.
func (w *Prober) MX(ctx context.Context, domain string, servers []string) (hosts []string, ok bool) {
	name, valid := mailflow.HostName(domain)
	if !valid {
		return nil, false
	}
	all, err := w.resolver.servers(&probes.Path{Settings: probes.Settings{DNSServers: servers}})
	if err != nil {
		return nil, false
	}
	w.resolver.lookUp(ctx, all, func(ctx context.Context, c *dnsClient) []target {
		rrs, fault := c.records(ctx, name, dns.TypeMX)
		switch fault.reason {
		case "":
			ok = true
			for _, mx := range exchangersOf(rrs) {
				hosts = append(hosts, mx.host)
			}
		case probes.ReasonNoAddress, probes.ReasonNXDomain:
			ok = true
		default: // the servers' fault, or the zone's
		}
		return nil
	})
	return hosts, ok
}
