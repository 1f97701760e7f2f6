package dnsclient

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
)

// TXT returns the TXT records of a name, the strings of each record joined. The step is Passed even if the name does
// not exist or has no such record; otherwise it has the reason why the records are unknown.
func (c *Client) TXT(ctx context.Context, name string, servers []string) (records []string, step probes.Step) {
	targets := c.lookUp(ctx, name, Options{Servers: servers}, func(ctx context.Context, s *session, name string) []Target {
		rrs, _, fail := s.records(ctx, name, dns.TypeTXT)
		switch fail.reason {
		case "", probes.ReasonNoAddress, probes.ReasonNXDomain:
		default:
			fail.local = true // the cause does not matter here: it need not be determined
			return failedTargets(name, fail)
		}
		for _, rr := range rrs {
			if txt, ok := rr.(*dns.TXT); ok {
				records = append(records, strings.Join(txt.Txt, ""))
			}
		}
		return []Target{{Host: name, Step: probes.NewStep("", "")}}
	})
	return records, targets[0].Step
}
