package daemon

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/httpfetch"
	"m365_connector_exporter/probes/mtasts"
	"m365_connector_exporter/probes/smtpprobe"
)

// policyHosts fetches policies with the network and the DNS servers of the configuration that is current.
type policyHosts struct {
	prober func() *smtpprobe.Prober
	port   int // of policy hosts; 0 means 443

	mu       sync.Mutex
	fetchers map[string]*mtasts.Fetcher // by DNS servers
}

// Policy implements [policyFetcher].
func (h *policyHosts) Policy(ctx context.Context, key policyKey) mtasts.State {
	return h.fetcher(key.servers).Policy(ctx, key.domain)
}

// Keep implements [policyFetcher].
func (h *policyHosts) Keep(keep func(policyKey) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for servers, f := range h.fetchers {
		used := false
		f.Keep(func(domain string) bool {
			kept := keep(policyKey{servers, domain})
			used = used || kept
			return kept
		})
		if !used {
			delete(h.fetchers, servers)
		}
	}
}

func (h *policyHosts) fetcher(servers string) *mtasts.Fetcher {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.fetchers[servers]; f != nil {
		return f
	}
	var list []string
	if servers != "" {
		list = strings.Split(servers, ",")
	}
	f := mtasts.New(mtasts.Options{
		LookupTXT: func(ctx context.Context, name string) ([]string, error) {
			records, step := h.prober().TXT(ctx, name, list)
			switch {
			case step.Outcome != probes.Passed:
				return nil, fmt.Errorf("%s: %s", step.Reason, step.Detail)
			case len(records) == 0:
				return nil, mtasts.ErrNoRecord
			}
			return records, nil
		},
		Network: httpfetch.Network{
			LookUp: func(ctx context.Context, host string) ([]netip.Addr, error) {
				return h.prober().PolicyNetwork(list).LookUp(ctx, host)
			},
			Allowed: func(a netip.Addr) bool { return h.prober().PolicyNetwork(list).Allowed(a) },
		},
		Roots: func() *x509.CertPool { return h.prober().Roots() },
		Now:   time.Now, Port: h.port,
	})
	if h.fetchers == nil {
		h.fetchers = map[string]*mtasts.Fetcher{}
	}
	h.fetchers[servers] = f
	return f
}
