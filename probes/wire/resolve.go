package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
)

// target is one host that a path leads to, with its addresses.
type target struct {
	Host  string
	Addrs []netip.Addr // none where the host did not resolve
	Hide  bool         // an Exchange Online host: one address only, another one each round
	Step  probes.Step  // the resolve stage
}

// heardFor is how long a server's answer proves that timeouts are the domain's fault and not the way to our DNS servers.
const heardFor = 5 * time.Minute

// resolver finds the hosts and addresses behind a path's next hop, as Exchange Online does: MX first, and no A or AAAA of a
// name that has an MX. It is safe for concurrent use.
type resolver struct {
	system   []string
	allow    []netip.Prefix
	exoHosts []string
	timeout  time.Duration

	mu    sync.Mutex
	heard map[string]time.Time // by server set: when it last answered anything
}

// newResolver returns a resolver. systemServers are host:port; none means those of resolv.conf, read when they are needed.
func newResolver(systemServers []string, allow []netip.Prefix, exoHosts []string) *resolver {
	return &resolver{system: systemServers, allow: allow, exoHosts: exoHosts, timeout: dnsTimeout, heard: map[string]time.Time{}}
}

// resolveHop resolves p's next hop into at most probes.MaxEndpoints endpoints. round chooses the address of hidden hosts.
func (r *resolver) resolveHop(ctx context.Context, p probes.Path, round uint64) (targets []target, notes []string) {
	start := time.Now()
	targets = r.find(ctx, p)
	for i := range targets {
		t := &targets[i]
		t.Step.Took = time.Since(start)
		t.Step.Detail = sanitise(t.Step.Detail, maxDetail)
		if t.Hide = isExchangeOnline(t.Host, r.exoHosts); t.Hide && len(t.Addrs) > 1 {
			t.Addrs = []netip.Addr{t.Addrs[round%uint64(len(t.Addrs))]}
		}
	}
	targets, total := limit(targets)
	if total > probes.MaxEndpoints {
		notes = append(notes, fmt.Sprintf("%d of %d addresses probed", probes.MaxEndpoints, total))
	}
	return targets, notes
}

func (r *resolver) find(ctx context.Context, p probes.Path) []target {
	if len(p.Settings.ConnectTo) > 0 {
		addrs := make([]netip.Addr, 0, len(p.Settings.ConnectTo))
		for _, a := range p.Settings.ConnectTo {
			addrs = append(addrs, a.Unmap())
		}
		return []target{{Host: p.Hop, Addrs: sortAddrs(addrs), Step: passed("connect_to instead of DNS")}}
	}
	if p.Kind != probes.HopDomain {
		if addrs, ok := literal(p.Hop); ok {
			return []target{literalTarget(p, addrs)}
		}
	}
	name, ok := hostName(p.Hop)
	if !ok {
		return []target{failedTarget(sanitise(p.Hop, maxDetail), dnsFault{probes.ReasonNXDomain, p.Hop + " is no host name"})}
	}
	servers, err := r.servers(p)
	if err != nil {
		t := failedTarget(name, dnsFault{probes.ReasonDNSRefused, err.Error()})
		t.Step.Outcome = probes.Inconclusive // nobody was asked
		return []target{t}
	}
	return r.lookUp(ctx, p, name, servers)
}

func literalTarget(p probes.Path, addrs []netip.Addr) target {
	kept := ofFamily(addrs, p.Settings.Protocol)
	if len(kept) == 0 {
		return failedTarget(p.Hop, dnsFault{probes.ReasonFamilyUnavailable, "ip_protocol " + string(p.Settings.Protocol) + " leaves out this address"})
	}
	return target{Host: p.Hop, Addrs: kept, Step: passed("an address, no DNS asked")}
}

func failedTarget(host string, f dnsFault) target {
	return target{Host: host, Step: probes.Step{Outcome: f.reason.Outcome(), Reason: f.reason, Detail: f.detail}}
}

// servers are the path's name servers as host:port.
func (r *resolver) servers(p probes.Path) ([]string, error) {
	servers := p.Settings.DNSServers
	if len(servers) == 0 {
		servers = r.system
	}
	if len(servers) == 0 {
		config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil || len(config.Servers) == 0 {
			return nil, errors.New("the system's DNS servers are not known here (no resolv.conf): set dns_servers")
		}
		for _, s := range config.Servers {
			servers = append(servers, net.JoinHostPort(s, config.Port))
		}
	}
	all := make([]string, 0, maxServers)
	for _, s := range servers[:min(len(servers), maxServers)] {
		if _, _, err := net.SplitHostPort(s); err != nil {
			s = net.JoinHostPort(strings.Trim(s, "[]"), "53")
		}
		all = append(all, s)
	}
	return all, nil
}

// lookUp asks DNS and settles what a silence means: while the servers answer nothing at all, it proves nothing about the domain.
func (r *resolver) lookUp(ctx context.Context, p probes.Path, name string, servers []string) []target {
	key := strings.Join(servers, ",")
	client := &dnsClient{servers: servers, timeout: r.timeout, heard: func() { r.hear(key) }}
	bounded, cancel := context.WithTimeout(ctx, resolveBound)
	defer cancel()
	targets := byMX(bounded, client, p, name)
	for i := range targets {
		s := &targets[i].Step
		switch {
		case s.Outcome == probes.Passed:
		case ctx.Err() != nil:
			*s = probes.Step{Outcome: probes.Inconclusive, Reason: probes.ReasonCanceled, Detail: "the look-up was interrupted"}
		case (s.Reason == probes.ReasonDNSTimeout || s.Reason == probes.ReasonDNSRefused) && !r.heardLately(key):
			s.Outcome = probes.Inconclusive
			s.Detail += "; these DNS servers answer nothing at all"
		}
	}
	return targets
}

func (r *resolver) hear(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.heard) > 1000 { // configurations come and go
		clear(r.heard)
	}
	r.heard[key] = time.Now()
}

func (r *resolver) heardLately(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.heard[key]
	return ok && time.Since(at) < heardFor
}

// byMX follows RFC 5321, section 5.1: the MX records, or the name's own addresses where there is none.
func byMX(ctx context.Context, c *dnsClient, p probes.Path, name string) []target {
	rrs, fault := c.records(ctx, name, dns.TypeMX)
	if fault.reason == probes.ReasonNoAddress {
		return []target{addressesOf(ctx, c, p, name, "no MX")}
	}
	if fault.reason != "" {
		return []target{failedTarget(name, dnsFault{fault.reason, "MX: " + fault.detail})}
	}
	exchangers := exchangersOf(rrs)
	if len(exchangers) == 0 {
		return []target{failedTarget(name, dnsFault{probes.ReasonNullMX, name + " says that it accepts no mail (MX .)"})}
	}
	targets := make([]target, len(exchangers))
	slots := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for i, mx := range exchangers {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			targets[i] = exchangerTarget(ctx, c, p, mx)
		})
	}
	wg.Wait()
	return targets
}

type exchanger struct {
	host       string
	preference uint16
}

// exchangersOf sorts by preference and name, each host once. A target "." beside others is no host (RFC 7505) and is left out.
func exchangersOf(rrs []dns.RR) []exchanger {
	var all []exchanger
	for _, rr := range rrs {
		if mx, ok := rr.(*dns.MX); ok && mx.Mx != "." {
			all = append(all, exchanger{plainName(mx.Mx), mx.Preference})
		}
	}
	slices.SortFunc(all, func(a, b exchanger) int {
		return cmp.Or(cmp.Compare(a.preference, b.preference), cmp.Compare(a.host, b.host))
	})
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(e exchanger) bool {
		was := seen[e.host]
		seen[e.host] = true
		return was
	})
}

func exchangerTarget(ctx context.Context, c *dnsClient, p probes.Path, mx exchanger) target {
	detail := fmt.Sprintf("MX preference %d", mx.preference)
	host, ok := hostName(mx.host)
	if !ok {
		return failedTarget(sanitise(mx.host, 253), dnsFault{probes.ReasonNoAddress, detail + ": the MX target is no host name"})
	}
	return addressesOf(ctx, c, p, host, detail)
}

// addressesOf asks for the families that ip_protocol allows. One family that answers is enough; what befell the other is noted.
func addressesOf(ctx context.Context, c *dnsClient, p probes.Path, host, detail string) target {
	var types []uint16
	if p.Settings.Protocol != probes.IP6 {
		types = append(types, dns.TypeA)
	}
	if p.Settings.Protocol != probes.IP4 {
		types = append(types, dns.TypeAAAA)
	}
	found, faults := make([][]dns.RR, len(types)), make([]dnsFault, len(types))
	var wg sync.WaitGroup
	for i, qtype := range types {
		wg.Go(func() { found[i], faults[i] = c.records(ctx, host, qtype) })
	}
	wg.Wait()
	addrs := addressesIn(slices.Concat(found...))
	var worst dnsFault
	for i, f := range faults {
		if worse(f.reason, worst.reason) > 0 {
			worst = f
		}
		if len(addrs) > 0 && f.reason != "" && f.reason != probes.ReasonNoAddress {
			detail += fmt.Sprintf("; %s: %s (%s)", dns.TypeToString[types[i]], f.reason, f.detail)
		}
	}
	if len(addrs) == 0 {
		if worst.reason == "" { // records of the right type without a usable address
			worst = dnsFault{probes.ReasonNoAddress, "no usable address"}
		}
		return failedTarget(host, dnsFault{worst.reason, detail + ": " + worst.detail})
	}
	return target{Host: host, Addrs: addrs, Step: passed(detail)}
}

func addressesIn(rrs []dns.RR) []netip.Addr {
	var addrs []netip.Addr
	for _, rr := range rrs {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	return sortAddrs(addrs)
}
