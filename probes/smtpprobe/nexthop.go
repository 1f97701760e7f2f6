package smtpprobe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dnsclient"
	"m365_connector_exporter/probes/mailflow"
)

// resolve returns the endpoints of a path's next hop with their resolve stage, at most probes.MaxEndpoints. A host
// without addresses has one endpoint without an address. If the path uses DANE, security is by host.
func (p *Prober) resolve(ctx context.Context, path *probes.Path) (
	endpoints []probes.Endpoint, security map[string]dnsclient.Security, hints []string,
) {
	targets := p.targets(ctx, path)
	round := sync.OnceValue(func() uint64 { return p.rotation.next(path.ID) }) // counted only where it is needed
	hidden, ipv6 := make([]bool, len(targets)), make([]bool, len(targets))
	for i := range targets {
		t := &targets[i]
		ipv6[i] = slices.ContainsFunc(t.Addrs, netip.Addr.Is6)
		hidden[i] = mailflow.IsExchangeOnline(t.Host, p.opts.ExchangeOnlineHosts)
		if hidden[i] && len(t.Addrs) > 1 {
			t.Addrs = []netip.Addr{t.Addrs[round()%uint64(len(t.Addrs))]}
		}
	}
	targets, total := limitEndpoints(targets)
	if total > probes.MaxEndpoints {
		hints = append(hints, fmt.Sprintf("%d of %d addresses probed", probes.MaxEndpoints, total))
	}
	if path.DANE {
		security = make(map[string]dnsclient.Security, len(targets))
	}
	for i, t := range targets {
		if path.DANE {
			security[t.Host] = t.Security
		}
		endpoint := probes.Endpoint{Host: t.Host, HideAddress: hidden[i], HasIPv6: ipv6[i]}
		endpoint.Steps[probes.Resolve] = t.Step
		if len(t.Addrs) == 0 {
			endpoints = append(endpoints, endpoint)
		}
		for _, addr := range t.Addrs {
			endpoint.Addr = netip.AddrPortFrom(addr, path.Settings.Port)
			endpoints = append(endpoints, endpoint)
		}
	}
	return endpoints, security, hints
}

// targets returns the hosts of a next hop with all their addresses.
func (p *Prober) targets(ctx context.Context, path *probes.Path) []dnsclient.Target {
	if len(path.Settings.ConnectTo) > 0 {
		addrs := make([]netip.Addr, 0, len(path.Settings.ConnectTo))
		for _, a := range path.Settings.ConnectTo {
			addrs = append(addrs, a.Unmap())
		}
		slices.SortFunc(addrs, netip.Addr.Compare)
		step := probes.NewStep("", "connect_to instead of DNS")
		return []dnsclient.Target{{Host: hostLabel(path.NextHop), Addrs: slices.Compact(addrs), Step: step}}
	}
	if path.Kind != probes.NextHopDomain {
		if addrs, ok := parseLiteral(path.NextHop); ok {
			return []dnsclient.Target{literalTarget(path, addrs)}
		}
	}
	return p.dns.NextHop(ctx, path.NextHop, lookUpOptions(path))
}

// lookUpOptions returns the options of the DNS look-ups for a path.
func lookUpOptions(path *probes.Path) dnsclient.Options {
	return dnsclient.Options{
		Servers: path.Settings.DNSServers, Protocol: path.Settings.Protocol,
		DNSSEC: path.DANE, Validating: path.Settings.ValidatingResolvers,
	}
}

// limitEndpoints keeps probes.MaxEndpoints addresses: each host gets one before any host gets a second. total is the
// number of addresses before.
func limitEndpoints(targets []dnsclient.Target) (kept []dnsclient.Target, total int) {
	for _, t := range targets {
		total += max(1, len(t.Addrs))
	}
	kept = targets[:min(len(targets), probes.MaxEndpoints)]
	room := probes.MaxEndpoints - len(kept)
	extra := make([]int, len(kept))
	for progress := true; progress && room > 0; {
		progress = false
		for i := range kept {
			if room > 0 && extra[i]+1 < len(kept[i].Addrs) {
				extra[i]++
				room--
				progress = true
			}
		}
	}
	for i := range kept {
		kept[i].Addrs = kept[i].Addrs[:min(len(kept[i].Addrs), extra[i]+1)]
	}
	return kept, total
}

// maxRotations bounds the paths whose rounds are counted.
const maxRotations = 100_000

// rotation counts the rounds of each path, so that every round probes another address of a host that has several. It is
// safe for concurrent use.
type rotation struct {
	mu     sync.Mutex
	rounds map[probes.PathID]uint64
}

func newRotation() *rotation { return &rotation{rounds: map[probes.PathID]uint64{}} }

// next returns how many rounds a path has had, and counts one more.
func (r *rotation) next(id probes.PathID) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rounds) >= maxRotations { // paths of earlier configurations
		clear(r.rounds)
	}
	n := r.rounds[id]
	r.rounds[id] = n + 1
	return n
}
