package smtpprobe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dnsclient"
	"m365_connector_exporter/probes/httpfetch"
	"m365_connector_exporter/probes/mailflow"
)

// dialGuard decides which addresses may be dialled. DNS answers and certificates can name any address and must not
// lead to this host or into its network, so IANA's special-purpose ranges are refused.
type dialGuard struct {
	allow []netip.Prefix // allow_networks
}

// permits reports whether addr may be dialled: it is in allow_networks, or public, or in an internal network unless
// publicOnly is set. An IPv6 address that embeds IPv4 addresses is permitted if all of these are.
func (g dialGuard) permits(addr netip.Addr, publicOnly bool) bool {
	addr = addr.Unmap().WithZone("")
	for _, prefix := range g.allow {
		if prefix.Contains(addr) {
			return true
		}
	}
	if embedded := mailflow.EmbeddedIPv4(addr); len(embedded) > 0 {
		return !slices.ContainsFunc(embedded, func(a netip.Addr) bool { return !g.permits(a, publicOnly) })
	}
	use := mailflow.SpecialUse(addr)
	return use == mailflow.Public || !publicOnly && use.Internal()
}

// permitsPath reports whether addr may be dialled for a path. Private addresses are refused for Partner connectors and
// for names in DNS zones of others. Those of connect_to are permitted: the administrator has configured them.
func (g dialGuard) permitsPath(addr netip.Addr, path *probes.Path) bool {
	foreignZone := path.Kind != probes.NextHopSmartHost && len(path.Settings.ConnectTo) == 0
	return g.permits(addr, foreignZone || path.ConnectorType == mailflow.Partner)
}

// crlNetwork returns how to reach the servers of revocation lists. Certificates name them, so they must be public.
func (p *Prober) crlNetwork(path *probes.Path) httpfetch.Network {
	return p.network(lookUpOptions(path), true)
}

// PolicyNetwork returns how to reach the hosts of MTA-STS policies. Domains name them, so they must be public. servers
// are DNS servers, as host:port; none means the system's.
func (p *Prober) PolicyNetwork(servers []string) httpfetch.Network {
	return p.network(dnsclient.Options{Servers: servers}, true)
}

// Network returns how to reach hosts that the administrator names: they may be in an internal network.
func (p *Prober) Network(servers []string) httpfetch.Network {
	return p.network(dnsclient.Options{Servers: servers}, false)
}

func (p *Prober) network(options dnsclient.Options, publicOnly bool) httpfetch.Network {
	return httpfetch.Network{
		LookUp: func(ctx context.Context, host string) ([]netip.Addr, error) {
			found := p.dns.Host(ctx, host, options)
			if found.Step.Outcome != probes.Passed {
				return nil, fmt.Errorf("%s: %s", found.Host, found.Step.Reason)
			}
			return found.Addrs, nil
		},
		Allowed: func(a netip.Addr) bool { return p.guard.permits(a, publicOnly) },
	}
}
