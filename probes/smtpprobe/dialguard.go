package smtpprobe

import (
	"context"
	"fmt"
	"net/netip"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/crl"
	"m365_connector_exporter/probes/mailflow"
)

// dialGuard decides which addresses may be dialled. DNS answers and certificates can name any address; they must not
// lead into this host or its network.
type dialGuard struct {
	allow []netip.Prefix // allow_networks
}

// permits reports whether addr may be dialled: it is in allow_networks, or no special-purpose address; publicOnly
// excludes private addresses too.
func (g dialGuard) permits(addr netip.Addr, publicOnly bool) bool {
	addr = addr.Unmap().WithZone("")
	for _, prefix := range g.allow {
		if prefix.Contains(addr) {
			return true
		}
	}
	return !isNeverPermitted(addr) && (!publicOnly || !isPrivate(addr))
}

// permitsPath reports whether addr may be dialled for a path. Private addresses are refused for Partner connectors,
// and for names in DNS zones that are not the tenant's; connect_to was written by the administrator.
func (g dialGuard) permitsPath(addr netip.Addr, path *probes.Path) bool {
	foreignZone := path.Kind != probes.NextHopSmartHost && len(path.Settings.ConnectTo) == 0
	return g.permits(addr, foreignZone || path.ConnectorType == mailflow.Partner)
}

// isNeverPermitted reports whether no mail server can have the address. 0.0.0.0/8 reaches the host itself on some
// systems (RFC 1122, section 3.2.1.3).
func isNeverPermitted(a netip.Addr) bool {
	return !a.IsValid() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() ||
		a.Is4() && (a.As4()[0] == 0 || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}))
}

// isPrivate reports whether an address is in RFC 1918, RFC 4193 or the shared range of carriers (RFC 6598).
func isPrivate(a netip.Addr) bool {
	return a.IsPrivate() || netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10).Contains(a)
}

// crlNetwork is how the servers of revocation lists are reached for a path. Certificates name them, so they must be
// public.
func (p *Prober) crlNetwork(path *probes.Path) crl.Network {
	return crl.Network{
		LookUp: func(ctx context.Context, host string) ([]netip.Addr, error) {
			found := p.dns.Host(ctx, host, queryOf(path))
			if found.Step.Outcome != probes.Passed {
				return nil, fmt.Errorf("%s: %s", found.Host, found.Step.Reason)
			}
			return found.Addrs, nil
		},
		Allowed: func(a netip.Addr) bool { return p.guard.permits(a, true) },
	}
}
