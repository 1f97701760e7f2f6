package wire

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dnsclient"
	"m365_connector_exporter/probes/mailflow"
)

// target is one host that a path leads to, with its addresses.
type target struct {
	dnsclient.Target
	hide bool // an Exchange Online host: one address at a time, another one each round
}

// maxRotations bounds how many paths' rotations are remembered.
const maxRotations = 100_000

// resolver finds the hosts and addresses behind a path's next hop, as Exchange Online does: MX first, and no A or AAAA of a
// name that has an MX. It is safe for concurrent use.
type resolver struct {
	dns      *dnsclient.Client
	allow    []netip.Prefix
	exoHosts []string
	*rotation
}

// rotation counts the rounds of each path, so that each round probes another address of a host with many.
type rotation struct {
	mu     sync.Mutex
	rounds map[probes.PathID]uint64
}

// newResolver returns a resolver.
func newResolver(dns *dnsclient.Client, allow []netip.Prefix, exoHosts []string) *resolver {
	return &resolver{dns: dns, allow: allow, exoHosts: exoHosts, rotation: &rotation{rounds: map[probes.PathID]uint64{}}}
}

// resolveHop resolves p's next hop into at most probes.MaxEndpoints endpoints, and of a hidden host into one, each round another.
func (r *resolver) resolveHop(ctx context.Context, p *probes.Path) (targets []target, notes []string) {
	round := sync.OnceValue(func() uint64 { return r.nextRound(p.ID) }) // few paths lead to a hidden host
	for _, found := range r.find(ctx, p) {
		t := target{Target: found, hide: mailflow.IsExchangeOnline(found.Host, r.exoHosts)}
		if t.hide && len(t.Addrs) > 1 {
			t.Addrs = []netip.Addr{t.Addrs[round()%uint64(len(t.Addrs))]}
		}
		targets = append(targets, t)
	}
	targets, total := limit(targets)
	if total > probes.MaxEndpoints {
		notes = append(notes, fmt.Sprintf("%d of %d addresses probed", probes.MaxEndpoints, total))
	}
	return targets, notes
}

// nextRound returns how many rounds a path has had, and counts one more.
func (r *rotation) nextRound(id probes.PathID) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rounds) >= maxRotations { // configurations come and go
		clear(r.rounds)
	}
	n := r.rounds[id]
	r.rounds[id] = n + 1
	return n
}

func (r *resolver) find(ctx context.Context, p *probes.Path) []dnsclient.Target {
	if len(p.Settings.ConnectTo) > 0 {
		return configured(p)
	}
	if p.Kind != probes.NextHopDomain {
		if addrs, ok := literal(p.NextHop); ok {
			return literals(p, addrs)
		}
	}
	return r.dns.NextHop(ctx, p.NextHop, queryOf(p))
}

// queryOf is how names are looked up for a path.
func queryOf(p *probes.Path) dnsclient.Query {
	return dnsclient.Query{Servers: p.Settings.DNSServers, Protocol: p.Settings.Protocol}
}

// configured are the addresses of connect_to.
func configured(p *probes.Path) []dnsclient.Target {
	addrs := make([]netip.Addr, 0, len(p.Settings.ConnectTo))
	for _, a := range p.Settings.ConnectTo {
		addrs = append(addrs, a.Unmap())
	}
	return oneTarget(bareHost(p.NextHop), sortAddrs(addrs), probes.NewStep("", "connect_to instead of DNS"))
}

func literals(p *probes.Path, addrs []netip.Addr) []dnsclient.Target {
	step := probes.NewStep("", "an address, no DNS asked")
	kept := ofFamily(addrs, p.Settings.Protocol)
	if len(kept) == 0 {
		step = probes.NewStep(probes.ReasonFamilyUnavailable, "ip_protocol "+string(p.Settings.Protocol)+" leaves out this address")
	}
	return oneTarget(bareHost(p.NextHop), kept, step)
}

func oneTarget(host string, addrs []netip.Addr, step probes.Step) []dnsclient.Target {
	return []dnsclient.Target{{Host: host, Addrs: addrs, Step: step}}
}

// hostAddrs looks up the addresses of a host that is not a mail server, with the path's DNS servers.
func (r *resolver) hostAddrs(ctx context.Context, p *probes.Path, host string) ([]netip.Addr, error) {
	found := r.dns.Host(ctx, host, queryOf(p))
	if found.Step.Outcome != probes.Passed {
		return nil, fmt.Errorf("%s: %s", found.Host, found.Step.Reason)
	}
	return found.Addrs, nil
}
