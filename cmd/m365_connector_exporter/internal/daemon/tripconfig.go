package daemon

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/roundtrip"
)

// tripConfig is what round trips take from one configuration.
type tripConfig struct {
	tokens     *roundtrip.Tokens
	trips      []config.RoundTrip
	paths      map[roundtrip.Trip]probes.Path
	recipients map[string]bool
	reports    map[string]bool
	tenants    map[string]string // names by GUID

	certificate *tls.Certificate // of the sink
	networks    []netip.Prefix   // that may connect to it
}

// use applies a configuration and its paths. Paths without a configured hello_name use helloName.
func (t *roundTrips) use(cfg *config.Config, paths []probes.Path, helloName string) {
	c := &tripConfig{
		trips: cfg.RoundTrips, paths: map[roundtrip.Trip]probes.Path{}, recipients: map[string]bool{},
		reports: map[string]bool{}, tenants: tenantNames(cfg), certificate: cfg.Sink.Certificate, networks: cfg.Sink.Networks,
	}
	var plans []roundtrip.Plan
	for _, trip := range cfg.RoundTrips {
		plans = append(plans, trip.Plan)
		c.recipients[trip.Recipient] = true
		if p, ok := tripPath(cfg, &trip, paths, helloName); ok {
			c.paths[trip.Trip] = p
		}
	}
	for _, r := range cfg.Sink.TLSReports {
		c.reports[r] = true
	}
	t.tracker.SetPlans(plans)
	t.mu.Lock()
	c.tokens = roundtrip.NewTokens(t.key, c.names())
	t.current.Store(c)
	t.mu.Unlock()
	t.expose()
}

// names returns the names of the round trips.
func (c *tripConfig) names() []roundtrip.Trip {
	names := make([]roundtrip.Trip, len(c.trips))
	for i := range c.trips {
		names[i] = c.trips[i].Trip
	}
	return names
}

// checkReload returns an error for a change that a running sink cannot take over.
func (t *roundTrips) checkReload(cfg *config.Config) error {
	const restart = "needs a restart of the daemon"
	hadCertificate, hasCertificate := t.current.Load().certificate != nil, cfg.Sink.Certificate != nil
	switch {
	case !slices.Equal(t.listen, cfg.Sink.Listen):
		return fmt.Errorf("sink.listen: a change from %q to %q %s", t.listen, cfg.Sink.Listen, restart)
	case len(t.listen) > 0 && t.hostname != cfg.Sink.Hostname:
		return fmt.Errorf("sink.hostname: a change from %q to %q %s", t.hostname, cfg.Sink.Hostname, restart)
	case len(t.listen) > 0 && hadCertificate != hasCertificate:
		return fmt.Errorf("sink.certificate: adding or removing the certificate %s", restart)
	}
	return nil
}

func (t *roundTrips) hasRecipient(address string) bool {
	c := t.current.Load()
	address = strings.ToLower(address)
	return c.recipients[address] || c.reports[address]
}

// tenantNames returns the names of tenants by GUID, as far as the configuration has both.
func tenantNames(cfg *config.Config) map[string]string {
	names := map[string]string{}
	for _, trip := range cfg.RoundTrips {
		if id := trip.Expect.TenantID; id != "" {
			names[id] = trip.Tenant
		}
	}
	for _, live := range cfg.Live() {
		names[strings.ToLower(live.ID)] = live.Name
	}
	return names
}
