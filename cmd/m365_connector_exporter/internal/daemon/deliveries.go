package daemon

import (
	"context"
	"slices"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dane"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/schedule"
	"m365_connector_exporter/probes/smtpprobe"
)

// DeliveryModes are an SmtpDaneMode and an MtaStsMode to set in outbound connectors. An empty one changes nothing.
type DeliveryModes struct{ DANE, MTASTS string }

// with returns the tenants with these modes in all outbound connectors.
func (m DeliveryModes) with(tenants []mailflow.Tenant) []mailflow.Tenant {
	tenants = slices.Clone(tenants)
	for i := range tenants {
		t := &tenants[i]
		t.Outbound = slices.Clone(t.Outbound)
		for k := range t.Outbound {
			c := &t.Outbound[k]
			if m.DANE != "" {
				c.SMTPDANEMode = m.DANE
			}
			if m.MTASTS != "" {
				c.MTASTSMode = m.MTASTS
			}
		}
	}
	return tenants
}

// RehearseDelivery probes outbound paths once, up to TLS, and predicts what Exchange Online would do with their mail if
// their connectors had these modes. Targets are like those of a [Validation]. It calls started with the number of
// paths, and the returned function after each path.
func RehearseDelivery(
	ctx context.Context, cfg *config.Config, targets []string, modes DeliveryModes, helloName string,
	started func(paths int) (done func()),
) (items []text.Item, err error) {
	planned := slices.DeleteFunc(Plan(cfg, helloName), func(p probes.Path) bool {
		return p.ID.Direction != mailflow.Outbound
	})
	v := Validation{Targets: targets, Until: probes.TLSStage, HasUntil: true}
	paths, _, err := v.Paths(planned)
	if err != nil {
		return nil, err
	}
	for i := range paths {
		paths[i].DANE = modes.DANE != "" && modes.DANE != string(dane.Off) && paths[i].UsesDNS()
	}
	prober := smtpprobe.New(proberOptions(cfg, schedule.NewLimiter(limiterOptions(cfg.Global)), nil))
	items = probeAll(ctx, prober, paths, started(len(paths)))
	predict(ctx, modes.with(cfg.Tenants), hostsOf(prober), items)
	return items, nil
}

// endpointsOf returns what one round shows of its endpoints.
func endpointsOf(r *probes.Result) []check.Endpoint {
	endpoints := make([]check.Endpoint, len(r.Endpoints))
	for i, e := range r.Endpoints {
		key := collector.KeyOf(e)
		endpoints[i] = check.Endpoint{
			Host: key.Host, Address: key.Address, Verdict: e.Outcome(r.Until), TLS: e.TLS, DANE: e.DANE,
		}
	}
	return endpoints
}

// hostsOf returns a fetcher of policies that uses the network of a prober.
func hostsOf(prober *smtpprobe.Prober) *policyHosts {
	return &policyHosts{prober: func() *smtpprobe.Prober { return prober }}
}

// predict adds to items what Exchange Online would do with the mail of their paths. It looks up the MTA-STS policies of
// those that lead to an address.
func predict(ctx context.Context, tenants []mailflow.Tenant, hosts policyFetcher, items []text.Item) {
	paths := make([]probes.Path, len(items))
	resolved := make([]probes.Path, 0, len(items))
	snapshot := &evaluate.Snapshot{Paths: make([]check.Path, len(items))}
	for i := range items {
		item := &items[i]
		paths[i] = item.Path
		paths[i].NotProbed, paths[i].NotProbeable = "", "" // it has been probed
		snapshot.Paths[i] = check.Path{
			Path: &paths[i], Conclusive: &item.Result, Endpoints: endpointsOf(&item.Result),
		}
		if slices.ContainsFunc(item.Result.Endpoints, func(e probes.Endpoint) bool { return e.Addr.IsValid() }) {
			resolved = append(resolved, paths[i])
		}
	}
	p := newPolicies(hosts)
	p.use(pathPolicies(resolved))
	p.lookUpDue(ctx, len(paths))
	snapshot.Policies, _ = p.found()
	report := evaluate.Evaluate(&evaluate.Inventory{Tenants: tenants}, snapshot, time.Now())
	for i := range items {
		items[i].Predictions = report.PredictionsOf(items[i].Path.ID)
	}
}
