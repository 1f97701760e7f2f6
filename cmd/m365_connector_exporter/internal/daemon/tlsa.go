package daemon

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dane"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/schedule"
	"m365_connector_exporter/probes/smtpprobe"
)

// RehearseTLSA compares a certificate file with the TLSA records of the servers that outbound paths lead to and whose
// names the certificate has. It asks DNS only if the configuration names a resolver that validates DNSSEC.
func RehearseTLSA(ctx context.Context, cfg *config.Config, file, passwordFile string) ([]text.TLSARehearsal, error) {
	m, err := config.ReadCertificate(ctx, file, passwordFile)
	if err != nil {
		return nil, err
	}
	chain := []*x509.Certificate{m.Leaf}
	for _, der := range m.Chain[1:] {
		if c, err := x509.ParseCertificate(der); err == nil { // what else the file has
			chain = append(chain, c)
		}
	}
	prober := smtpprobe.New(proberOptions(cfg, schedule.NewLimiter(limiterOptions(cfg.Global)), nil))
	var mu sync.Mutex
	byHost := map[string]text.TLSARehearsal{}
	var group errgroup.Group
	group.SetLimit(maxLookups)
	for _, p := range Plan(cfg, "") {
		if p.ID.Direction != mailflow.Outbound || p.NotProbeable != "" {
			continue
		}
		p.DANE = true // whatever the connector's mode: others send mail to the server too
		group.Go(func() error {
			for _, e := range prober.RehearseTLSA(ctx, &p, chain) {
				mu.Lock()
				if known, ok := byHost[e.Host]; !ok || moreIsKnown(e.DANE, known.DANE) {
					byHost[e.Host] = text.TLSARehearsal{
						Host: e.Host, Owner: dane.Owner(e.Host, p.Settings.Port), DANE: e.DANE, Publish: dane.Recommended(m.Leaf),
					}
				}
				mu.Unlock()
			}
			return nil
		})
	}
	_ = group.Wait() // nothing returns an error
	if ctx.Err() != nil {
		return nil, fmt.Errorf("looking up TLSA records: %w", ctx.Err())
	}
	var all []text.TLSARehearsal
	for _, r := range byHost {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b text.TLSARehearsal) int { return strings.Compare(a.Host, b.Host) })
	return all, nil
}

// moreIsKnown reports whether a comparison with records should replace another one of the same host: by one path the
// records count, by another the MX records of the domain are not signed.
func moreIsKnown(d, other *probes.DANE) bool {
	return d != nil && (other == nil || d.Total > other.Total)
}
