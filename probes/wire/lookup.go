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
	"m365_connector_exporter/probes/mailflow"
)

// servers are the path's name servers as host:port.
func (r *resolver) servers(p *probes.Path) ([]string, error) {
	servers := p.Settings.DNSServers
	if len(servers) == 0 {
		servers = r.system
	}
	if len(servers) == 0 {
		var err error
		if servers, err = systemDNS(); err != nil || len(servers) == 0 {
			return nil, errors.New("the system's DNS servers are not known here: set dns_servers")
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
// Silence is that of the servers where they are silent, or say SERVFAIL, for others too; so is SERVFAIL, which then only says that the
// silence is behind them. REFUSED is that of the servers where they have said nothing else lately.
func (r *resolver) lookUp(ctx context.Context, servers []string, ask func(context.Context, *dnsClient) []target) []target {
	key := strings.Join(servers, ",")
	bounded, cancel := context.WithTimeout(ctx, resolveBound)
	defer cancel()
	client := &dnsClient{servers: servers, timeout: r.timeout, dial: r.dial, heard: func(name string) { r.hear(key, name) }}
	targets := ask(bounded, client)
	alive := sync.OnceValue(func() bool { return client.alive(ctx, r.witnessesBeside(key, domainsOf(targets))) })
	for i := range targets {
		s := &targets[i].Step
		switch {
		case s.Outcome == probes.Passed:
		case ctx.Err() != nil:
			*s = probes.Step{Outcome: probes.Inconclusive, Reason: probes.ReasonCanceled, Detail: "the look-up was interrupted", Duration: s.Duration}
		case s.Outcome == probes.Inconclusive: // this host's own trouble
		case s.Reason == probes.ReasonDNSTimeout && !alive(), s.Reason == probes.ReasonDNSRefused && !r.heardLately(key):
			s.Outcome = probes.Inconclusive
			s.Detail += "; these DNS servers answer nothing at all"
		case s.Reason == probes.ReasonDNSServfail && !alive():
			s.Outcome, s.Reason = probes.Inconclusive, probes.ReasonDNSTimeout
			s.Detail += "; these DNS servers have an answer for nobody else either: they seem to be cut off"
		}
	}
	return targets
}

// byMX follows RFC 5321, section 5.1: the MX records, or the name's own addresses where there is none. Each target's time is that
// of its own look-up: of the MX and of its addresses.
func byMX(ctx context.Context, c *dnsClient, p *probes.Path, name string) []target {
	start := time.Now()
	rrs, fault := c.records(ctx, name, dns.TypeMX)
	asked := time.Since(start)
	alone := func(t target) []target { t.Step.Duration = time.Since(start); return []target{t} }
	if fault.reason == probes.ReasonNoAddress {
		return alone(addressesOf(ctx, c, p.Settings.Protocol, name, "no MX"))
	}
	if fault.reason != "" {
		return alone(failedTarget(name, dnsFault{fault.reason, "MX: " + fault.detail, fault.ours}))
	}
	exchangers := exchangersOf(rrs)
	if len(exchangers) == 0 {
		return alone(failedTarget(name, dnsFault{reason: probes.ReasonNullMX, detail: name + " says that it accepts no mail (MX .)"}))
	}
	targets := make([]target, len(exchangers))
	slots := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for i, mx := range exchangers {
		if i >= probes.MaxEndpoints { // counted, and neither looked up nor probed
			targets[i] = target{Host: mx.host}
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			began := time.Now()
			targets[i] = exchangerTarget(ctx, c, p.Settings.Protocol, mx)
			targets[i].Step.Duration = asked + time.Since(began)
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
			all = append(all, exchanger{strings.ToLower(strings.TrimSuffix(mx.Mx, ".")), mx.Preference})
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

func exchangerTarget(ctx context.Context, c *dnsClient, protocol probes.IPProtocol, mx exchanger) target {
	detail := fmt.Sprintf("MX preference %d", mx.preference)
	host, ok := mailflow.HostName(mx.host)
	if !ok {
		return failedTarget(probes.Sanitise(mx.host, 253), dnsFault{reason: probes.ReasonNoAddress, detail: detail + ": the MX target is no host name"})
	}
	return addressesOf(ctx, c, protocol, host, detail)
}

// addressesOf asks for the families that ip_protocol allows. One family that answers is enough; what befell the other is noted.
func addressesOf(ctx context.Context, c *dnsClient, protocol probes.IPProtocol, host, detail string) target {
	var types []uint16
	if protocol != probes.IP6 {
		types = append(types, dns.TypeA)
	}
	if protocol != probes.IP4 {
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
			worst = dnsFault{reason: probes.ReasonNoAddress, detail: "no usable address"}
		}
		return failedTarget(host, dnsFault{worst.reason, detail + ": " + worst.detail, worst.ours})
	}
	return target{Host: host, Addrs: addrs, Step: *passed(detail)}
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
