package dnsclient

import (
	"context"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
)

// maxCNAMEs bounds the CNAMEs that are followed from one name.
const maxCNAMEs = 8

// records looks up the records of one type. It follows CNAMEs: those in the answer, then with further queries. A name
// without such records fails with no_address. The security is the weakest of all answers.
func (s *session) records(ctx context.Context, name string, qtype uint16) ([]dns.RR, Security, failure) {
	name = dns.CanonicalName(name)
	visited := map[string]bool{name: true}
	lowest := Secure
	for {
		m, security, fail := s.query(ctx, name, qtype)
		if fail.reason != "" {
			return nil, security, fail
		}
		lowest = min(lowest, security)
		queried := name
		for {
			if found := recordsOf(m.Answer, name, qtype); len(found) > 0 {
				return found, lowest, failure{}
			}
			next := aliasOf(m.Answer, name)
			if next == "" {
				break
			}
			if visited[next] || len(visited) > maxCNAMEs {
				return nil, lowest, failure{
					reason: probes.ReasonCNAMELoop, detail: fmt.Sprintf("%d CNAMEs up to %s", len(visited), next),
				}
			}
			name, visited[next] = next, true
		}
		switch text := strings.TrimSuffix(name, "."); {
		case m.Rcode == dns.RcodeNameError:
			return nil, lowest, failure{reason: probes.ReasonNXDomain, detail: text + " does not exist"}
		case name == queried:
			return nil, lowest, failure{
				reason: probes.ReasonNoAddress, detail: text + " has no " + dns.TypeToString[qtype] + " record",
			}
		}
	}
}

// recordsOf returns the records of one name and type.
func recordsOf(rrs []dns.RR, name string, rrtype uint16) []dns.RR {
	var found []dns.RR
	for _, rr := range rrs {
		h := rr.Header()
		if h.Rrtype == rrtype && h.Class == dns.ClassINET && dns.CanonicalName(h.Name) == name {
			found = append(found, rr)
		}
	}
	return found
}

// aliasOf returns the target of a name's CNAME record, "" if it has none.
func aliasOf(rrs []dns.RR, name string) string {
	for _, rr := range recordsOf(rrs, name, dns.TypeCNAME) {
		if c, ok := rr.(*dns.CNAME); ok {
			return dns.CanonicalName(c.Target)
		}
	}
	return ""
}
