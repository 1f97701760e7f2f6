package dnsclient

import (
	"cmp"
	"context"
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

// maxParallelHosts bounds the MX hosts of one name that are looked up at once.
const maxParallelHosts = 8

func hostName(text string) (string, bool) { return mailflow.HostName(text) }

// nextHop follows RFC 5321, section 5.1: it looks up the MX records, then the addresses of each MX host, or of the name
// itself if it has no MX. The duration of a target is that of the MX look-up and of its own.
func (s *session) nextHop(ctx context.Context, name string, protocol probes.IPProtocol) []Target {
	start := time.Now()
	exchangers, security, fail := s.exchangers(ctx, name)
	mxDuration := time.Since(start)
	if fail.reason != "" {
		failed := fail
		switch {
		case fail.reason != probes.ReasonNXDomain:
			failed.detail = "MX: " + fail.detail
		case len(s.host(ctx, name, protocol, "").Addrs) > 0:
			failed.detail += " according to the answer for MX, but the name has an address (against RFC 8020)"
			failed.evidence = probes.EvidenceMXContradicted
		}
		target := failedTarget(name, failed)
		if fail.reason == probes.ReasonNoAddress {
			target = s.host(ctx, name, protocol, "no MX")
			target.Security = target.Security.with(security)
		}
		target.Step.Duration = time.Since(start)
		return []Target{target}
	}
	targets := make([]Target, len(exchangers))
	slots := make(chan struct{}, maxParallelHosts)
	var wg sync.WaitGroup
	for i, mx := range exchangers {
		targets[i].Host = mx.host
		if i >= probes.MaxEndpoints {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			targets[i] = s.exchangerTarget(ctx, mx, protocol)
			targets[i].Security = targets[i].Security.with(security)
			targets[i].Step.Duration = mxDuration + time.Since(start)
		})
	}
	wg.Wait()
	return targets
}

// exchanger is one MX record.
type exchanger struct {
	host       string
	preference uint16
}

// exchangers looks up the MX records of a name: by preference, then by name, each host once. A target "." next to
// others is not a host (RFC 7505) and is left out; on its own it is a null MX.
func (s *session) exchangers(ctx context.Context, name string) ([]exchanger, Security, failure) {
	rrs, security, fail := s.records(ctx, name, dns.TypeMX)
	if fail.reason != "" {
		return nil, security, fail
	}
	var all []exchanger
	for _, rr := range rrs {
		if mx, ok := rr.(*dns.MX); ok && mx.Mx != "." {
			all = append(all, exchanger{strings.ToLower(strings.TrimSuffix(mx.Mx, ".")), mx.Preference})
		}
	}
	if len(all) == 0 {
		return nil, security, failure{reason: probes.ReasonNullMX, detail: name + " publishes a null MX: it accepts no mail"}
	}
	slices.SortFunc(all, func(a, b exchanger) int {
		return cmp.Or(cmp.Compare(a.preference, b.preference), cmp.Compare(a.host, b.host))
	})
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(e exchanger) bool {
		duplicate := seen[e.host]
		seen[e.host] = true
		return duplicate
	}), security, failure{}
}

// exchangerTarget looks up the addresses of an MX host.
func (s *session) exchangerTarget(ctx context.Context, mx exchanger, protocol probes.IPProtocol) Target {
	detail := fmt.Sprintf("MX preference %d", mx.preference)
	host, ok := hostName(mx.host)
	target := failedTarget(probes.Sanitise(mx.host, 253), failure{
		reason: probes.ReasonNoAddress, detail: detail + ": the MX target is not a host name",
	})
	if ok {
		target = s.host(ctx, host, protocol, detail)
	}
	if _, err := netip.ParseAddr(strings.Trim(mx.host, "[]")); err == nil && target.Step.Outcome == probes.Failed {
		target.Step.Evidence = probes.EvidenceMXIsAddress
	}
	return target
}

// host looks up the addresses of a host in the families that protocol allows. Addresses of one family are enough; a
// failure of the other is noted in the detail.
func (s *session) host(ctx context.Context, name string, protocol probes.IPProtocol, detail string) Target {
	var types []uint16
	if protocol != probes.IP6 {
		types = append(types, dns.TypeA)
	}
	if protocol != probes.IP4 {
		types = append(types, dns.TypeAAAA)
	}
	found, failures := make([][]dns.RR, len(types)), make([]failure, len(types))
	securities := make([]Security, len(types))
	var wg sync.WaitGroup
	for i, qtype := range types {
		wg.Go(func() { found[i], securities[i], failures[i] = s.records(ctx, name, qtype) })
	}
	wg.Wait()
	addrs := addressesOf(slices.Concat(found...))
	worst := slices.MaxFunc(failures, compareSpecificity)
	if len(addrs) == 0 {
		if worst.reason == "" { // records of the right type without a usable address
			worst = failure{reason: probes.ReasonNoAddress, detail: "no usable address"}
		}
		worst.detail = detail + ": " + worst.detail
		return failedTarget(name, worst)
	}
	for i, f := range failures {
		if f.reason != "" && f.reason != probes.ReasonNoAddress {
			detail += fmt.Sprintf("; %s: %s (%s)", dns.TypeToString[types[i]], f.reason, f.detail)
		}
	}
	security := Secure
	for i := range types {
		if len(found[i]) > 0 {
			security = min(security, securities[i])
		}
	}
	return Target{Host: name, Addrs: addrs, Step: probes.NewStep("", detail), Security: security}
}

// addressesOf returns the addresses of A and AAAA records, sorted, without duplicates.
func addressesOf(rrs []dns.RR) []netip.Addr {
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
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}
