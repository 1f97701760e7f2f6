package wire

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// target is one host that a path leads to, with its addresses.
type target struct {
	Host  string
	Addrs []netip.Addr // none where the host did not resolve
	Hide  bool         // an Exchange Online host: one address only, another one each round
	Step  probes.Step  // the resolve stage
}

// maxTurns bounds how many paths' turns are remembered.
const maxTurns = 100_000

// resolver finds the hosts and addresses behind a path's next hop, as Exchange Online does: MX first, and no A or AAAA of a
// name that has an MX. It is safe for concurrent use.
type resolver struct {
	system   []string
	allow    []netip.Prefix
	exoHosts []string
	timeout  time.Duration
	dial     dialFunc // of a DNS server

	*learned
}

// learned is what a resolver remembers, also over a change of its settings.
type learned struct {
	mu    sync.Mutex
	heard map[string]*hearing      // by server set
	turns map[probes.PathID]uint64 // rounds of each path
}

// newResolver returns a resolver. systemServers are host:port; none means the system's, read when they are needed.
func newResolver(systemServers []string, allow []netip.Prefix, exoHosts []string) *resolver {
	return &resolver{
		system: systemServers, allow: allow, exoHosts: exoHosts, timeout: dnsTimeout, dial: (&net.Dialer{}).DialContext,
		learned: &learned{heard: map[string]*hearing{}, turns: map[probes.PathID]uint64{}},
	}
}

// resolveHop resolves p's next hop into at most probes.MaxEndpoints endpoints, and of a hidden host into one, each round another.
func (r *resolver) resolveHop(ctx context.Context, p *probes.Path) (targets []target, notes []string) {
	turn := sync.OnceValue(func() uint64 { return r.turn(p.ID) }) // few paths lead to a host that is hidden
	targets = r.find(ctx, p)
	for i := range targets {
		t := &targets[i]
		t.Step.Detail = probes.Sanitise(t.Step.Detail, maxDetail)
		if t.Hide = mailflow.IsExchangeOnline(t.Host, r.exoHosts); t.Hide && len(t.Addrs) > 1 {
			t.Addrs = []netip.Addr{t.Addrs[turn()%uint64(len(t.Addrs))]}
		}
	}
	targets, total := limit(targets)
	if total > probes.MaxEndpoints {
		notes = append(notes, fmt.Sprintf("%d of %d addresses probed", probes.MaxEndpoints, total))
	}
	return targets, notes
}

// turn counts the rounds of one path.
func (r *resolver) turn(id probes.PathID) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.turns) >= maxTurns { // configurations come and go
		clear(r.turns)
	}
	n := r.turns[id]
	r.turns[id] = n + 1
	return n
}

func (r *resolver) find(ctx context.Context, p *probes.Path) []target {
	if len(p.Settings.ConnectTo) > 0 {
		return configured(p)
	}
	if p.Kind != probes.NextHopDomain {
		if addrs, ok := literal(p.NextHop); ok {
			return literals(p, addrs)
		}
	}
	name, ok := mailflow.HostName(p.NextHop)
	if !ok {
		return failedTargets(probes.Sanitise(p.NextHop, maxDetail), dnsFault{reason: probes.ReasonNXDomain, detail: p.NextHop + " is no host name"})
	}
	servers, err := r.servers(p)
	if err != nil {
		return failedTargets(name, dnsFault{reason: probes.ReasonDNSRefused, detail: err.Error(), ours: true}) // nobody was asked
	}
	return r.lookUp(ctx, servers, func(ctx context.Context, c *dnsClient) []target { return byMX(ctx, c, p, name) })
}

// configured are the addresses of connect_to.
func configured(p *probes.Path) []target {
	addrs := make([]netip.Addr, 0, len(p.Settings.ConnectTo))
	for _, a := range p.Settings.ConnectTo {
		addrs = append(addrs, a.Unmap())
	}
	return []target{{Host: bareHost(p.NextHop), Addrs: sortAddrs(addrs), Step: *passed("connect_to instead of DNS")}}
}

func literals(p *probes.Path, addrs []netip.Addr) []target {
	kept := ofFamily(addrs, p.Settings.Protocol)
	if len(kept) == 0 {
		return failedTargets(bareHost(p.NextHop), dnsFault{reason: probes.ReasonFamilyUnavailable, detail: "ip_protocol " + string(p.Settings.Protocol) + " leaves out this address"})
	}
	return []target{{Host: bareHost(p.NextHop), Addrs: kept, Step: *passed("an address, no DNS asked")}}
}

func failedTargets(host string, f dnsFault) []target { return []target{failedTarget(host, f)} }

func failedTarget(host string, f dnsFault) target {
	outcome := f.reason.Outcome()
	if f.ours {
		outcome = probes.Inconclusive
	}
	return target{Host: host, Step: probes.Step{Outcome: outcome, Reason: f.reason, Detail: f.detail}}
}
