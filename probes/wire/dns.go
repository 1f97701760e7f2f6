package wire

import (
	"context"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
)

// maxCNames is how many CNAMEs are followed from one name.
const maxCNames = 8

// records looks up the records of one type, through CNAMEs: those in the answer first, then by asking again. A name without
// such records gives no_address.
func (c *dnsClient) records(ctx context.Context, name string, qtype uint16) ([]dns.RR, dnsFault) {
	name = dns.CanonicalName(name)
	seen := map[string]bool{name: true}
	for {
		m, fault := c.ask(ctx, name, qtype)
		if fault.reason != "" {
			return nil, fault
		}
		asked := name
		for {
			if found := owned(m.Answer, name, qtype); len(found) > 0 {
				return found, dnsFault{}
			}
			next := alias(m.Answer, name)
			if next == "" {
				break
			}
			if seen[next] || len(seen) > maxCNames {
				return nil, dnsFault{reason: probes.ReasonCNameLoop, detail: fmt.Sprintf("%d CNAMEs up to %s", len(seen), next)}
			}
			name, seen[next] = next, true
		}
		if m.Rcode == dns.RcodeNameError {
			return nil, dnsFault{reason: probes.ReasonNXDomain, detail: strings.TrimSuffix(name, ".") + " does not exist"}
		}
		if name == asked {
			return nil, dnsFault{reason: probes.ReasonNoAddress, detail: strings.TrimSuffix(name, ".") + " has no " + dns.TypeToString[qtype] + " record"}
		}
	}
}

func owned(rrs []dns.RR, name string, rrtype uint16) []dns.RR {
	var found []dns.RR
	for _, rr := range rrs {
		h := rr.Header()
		if h.Rrtype == rrtype && h.Class == dns.ClassINET && dns.CanonicalName(h.Name) == name {
			found = append(found, rr)
		}
	}
	return found
}

func alias(rrs []dns.RR, name string) string {
	for _, rr := range owned(rrs, name, dns.TypeCNAME) {
		if c, ok := rr.(*dns.CNAME); ok {
			return dns.CanonicalName(c.Target)
		}
	}
	return ""
}
